//! What the kernel says about this process: the `process_*` numbers that Prometheus clients share.

use std::fs;

/// Unlike the kernel's own, this unit is part of its interface: 100 a second wherever Linux runs today.
const TICKS_PER_SECOND: f64 = 100.0;

/// What could be read; on other systems than Linux nothing.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub(super) struct Process {
    pub cpu_seconds: Option<f64>,
    pub start_time_seconds: Option<f64>,
    pub resident_bytes: Option<u64>,
    pub virtual_bytes: Option<u64>,
    pub threads: Option<u64>,
    pub open_fds: Option<u64>,
    pub max_fds: Option<u64>,
}

impl Process {
    pub(super) fn read() -> Self {
        let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let [stat, status, limits] = ["/proc/self/stat", "/proc/self/status", "/proc/self/limits"].map(text);
        Self {
            cpu_seconds: cpu_seconds(&stat),
            start_time_seconds: start_time_seconds(&stat, &text("/proc/stat")),
            resident_bytes: kibibytes(&status, "VmRSS:"),
            virtual_bytes: kibibytes(&status, "VmSize:"),
            threads: number_after(&status, "Threads:"),
            // Without the one that reads the list.
            open_fds: fs::read_dir("/proc/self/fd").ok().map(|fds| fds.count().saturating_sub(1) as u64),
            max_fds: number_after(&limits, "Max open files"),
        }
    }
}

/// The fields of proc_pid_stat(5) from the third on: before it is the program's name, which may hold anything.
fn fields(stat: &str) -> impl Iterator<Item = &str> {
    stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_ascii_whitespace()
}

fn ticks(stat: &str, field: usize) -> Option<f64> {
    fields(stat).nth(field - 3)?.parse::<f64>().ok().map(|ticks| ticks / TICKS_PER_SECOND)
}

/// In user and kernel mode.
fn cpu_seconds(stat: &str) -> Option<f64> {
    Some(ticks(stat, 14)? + ticks(stat, 15)?)
}

fn start_time_seconds(stat: &str, machine: &str) -> Option<f64> {
    let booted: f64 = machine.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
    Some(booted + ticks(stat, 22)?)
}

fn kibibytes(status: &str, name: &str) -> Option<u64> {
    number_after(status, name).map(|kibibytes| kibibytes * 1024)
}

/// The number behind a line's name; `unlimited` is none.
fn number_after(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(name))?.split_ascii_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_whatever_the_program_is_called() {
        let stat = "42 (a ) b) S 1 42 42 0 -1 4194560 1 0 0 0 250 50 0 0 20 0 4 0 12345 99 7";
        assert_eq!(cpu_seconds(stat), Some(3.0));
        assert_eq!(start_time_seconds(stat, "cpu 1 2\nbtime 1700000000\n"), Some(1_700_000_123.45));
        let status = "VmSize:\t  2048 kB\nVmRSS:\t    10 kB\nThreads:\t4\n";
        assert_eq!(kibibytes(status, "VmRSS:"), Some(10_240));
        assert_eq!(number_after(status, "Threads:"), Some(4));
        let limits = "Max open files            1024                 4096                 files     \n";
        assert_eq!(number_after(limits, "Max open files"), Some(1024));
        assert_eq!(number_after("Max open files unlimited unlimited files", "Max open files"), None);
    }

    #[test]
    fn torn_texts_give_nothing() {
        for text in ["", "42", "42 (x", "42 (x) S 1", "btime x", "VmRSS:"] {
            assert_eq!((cpu_seconds(text), start_time_seconds(text, text)), (None, None), "{text}");
            assert_eq!(kibibytes(text, "VmRSS:"), None, "{text}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_is_somebody() {
        let process = Process::read();
        assert!(process.resident_bytes.is_some_and(|bytes| bytes > 100_000), "{process:?}");
        assert!(process.open_fds.is_some_and(|count| count >= 3), "{process:?}");
        assert!(process.threads.is_some_and(|count| count >= 1), "{process:?}");
        assert!(process.start_time_seconds.is_some_and(|at| at > 1.6e9), "{process:?}");
    }
}
