//! From a file and the environment to a configuration, or to everything that is wrong with them.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use zeroize::Zeroizing;

use super::env::Env;
use super::problem::{Fault, Origin, Problem, Problems};
use super::reader::{Effective, Reader};
use super::source::Source;
use super::upstream::Surroundings;
use super::{Config, accounts, admin, jssdk, jwt, pages, paths, routes, schema, sections, session, upstream};

/// Some hundred times the documented file.
const MAX_FILE_BYTES: u64 = 1 << 20;

/// A configuration and how it came to be.
#[derive(Debug, Clone)]
pub struct Loaded {
    pub config: Config,
    /// Accepted, but worth a thought.
    pub warnings: Vec<Problem>,
    /// Every value in force, in the order of the documentation.
    pub effective: Vec<Effective>,
}

impl Config {
    /// Reads the file, if any, lays the environment over it and checks the whole.
    ///
    /// # Errors
    /// Every problem of the run; for a file that cannot be read or is no TOML, that alone.
    pub fn load(file: Option<&Path>, env: impl IntoIterator<Item = (OsString, OsString)>) -> Result<Loaded, Problems> {
        let env = Env::of(env);
        let source = match file {
            None => Source::default(),
            Some(path) => {
                let name = path.display().to_string();
                let text = contents(path, &name).map_err(|problem| Problems(vec![problem]))?;
                Source::read_file(&text, &name).map_err(|problem| Problems(vec![problem]))?
            }
        };
        build(source, &env)
    }

    /// As [`Config::load`], from a text that counts as `config.toml`.
    ///
    /// # Errors
    /// As [`Config::load`].
    ///
    /// ```
    /// use wxgate::config::Config;
    ///
    /// let text = r#"
    ///     public_url = "https://m.example.com"
    ///     upstream = "http://127.0.0.1:8080"
    ///     [official_account]
    ///     app_id = "wx0123456789abcdef"
    ///     app_secret = { env = "WECHAT" }
    /// "#;
    /// let env = [("WECHAT".to_owned(), "0123456789abcdef0123456789abcdef".to_owned())];
    /// assert!(Config::parse(text, &env).is_ok());
    ///
    /// let problems = Config::parse(&text.replace("upstream", "upsteam"), &env).unwrap_err();
    /// assert_eq!(problems.0[0].to_string(), "config.toml:3: upsteam: unknown key. The nearest known key is upstream.");
    /// ```
    pub fn parse(text: &str, env: &[(String, String)]) -> Result<Loaded, Problems> {
        let env = Env::of(env.iter().map(|(name, value)| (name.into(), value.into())));
        let source = Source::read_file(text, "config.toml").map_err(|problem| Problems(vec![problem]))?;
        build(source, &env)
    }
}

fn contents(path: &Path, name: &str) -> Result<Zeroizing<String>, Problem> {
    let whole = |fault: Fault| fault.at("", Origin::Default);
    let unreadable = |error: io::Error| {
        let message = format!("{name} cannot be read: {}", error.kind());
        whole(Fault::new(message, "Name another file with -c FILE."))
    };
    let mut bytes = Zeroizing::new(Vec::new());
    File::open(path).map_err(unreadable)?.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_FILE_BYTES) {
        return Err(whole(Fault::new(format!("{name} is larger than 1 MiB"), "Name another file with -c FILE.")));
    }
    match std::str::from_utf8(&bytes) {
        Ok(text) => Ok(Zeroizing::new(text.to_owned())),
        Err(error) => {
            let line = bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count() + 1;
            Err(Fault::new("not UTF-8", "Save the file as UTF-8.").at("", Origin::File { name: name.into(), line }))
        }
    }
}

fn build(mut source: Source, env: &Env) -> Result<Loaded, Problems> {
    env.lay_over(&mut source);
    let mut reader = Reader::new(source, env);
    let config = config(&mut reader);
    let Reader { source, mut warnings, mut effective, .. } = reader;
    effective.sort_by_cached_key(|line| schema::rank(&line.key));
    let mut problems = source.problems;
    problems.sort_by_key(place);
    warnings.sort_by_key(place);
    match config {
        Some(config) if problems.is_empty() => Ok(Loaded { config, warnings, effective }),
        _ => {
            assert!(!problems.is_empty(), "a section is absent only where a problem was noted");
            Err(Problems(problems))
        }
    }
}

/// In the order of the file, then of the variables, then what is nowhere.
fn place(problem: &Problem) -> Origin {
    problem.origin.clone()
}

/// Builds every section, whatever became of the one before, so that all problems are found in one run.
fn config(read: &mut Reader<'_>) -> Option<Config> {
    let public_url = sections::public_url(read);
    let server = sections::server(read, public_url.as_ref());
    let admin = admin::admin(read, &server);
    let around = Surroundings { public_url: public_url.as_ref(), server: &server, admin: admin.as_ref() };
    let upstream = upstream::of_site(read, &around);
    let accounts = accounts::accounts(read);
    let sign_in = sections::sign_in(read);
    let pages = pages::pages(read);
    let session = session::session(read, public_url.as_ref());
    let identity = jwt::identity(read, public_url.as_ref(), &session.cookie_name);
    let paths = paths::paths(read, &sign_in.verify_files);
    let jssdk = jssdk::jssdk(read, public_url.as_ref(), &paths, &sign_in.verify_files);
    let log = sections::log(read);
    let endpoints = sections::endpoints(read);
    let routes = routes::routes(read, upstream.as_ref(), &around);
    accounts::one_visitor_at_two(read, &accounts, &routes);
    Some(Config {
        upstream: upstream?,
        server,
        admin,
        official_account: accounts.official_account,
        website_app: accounts.website_app,
        wecom: accounts.wecom,
        sign_in,
        pages,
        session,
        identity,
        jssdk,
        paths,
        log,
        endpoints,
        routes,
        public_url: public_url?,
    })
}
