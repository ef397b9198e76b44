//! What must outlive one request but not forever: bytes under checked keys, each with its own expiry.
//!
//! The store knows no meaning: what the bytes say is the business of whoever put them.

#[cfg(test)]
mod contract;
mod key;
pub mod memory;

use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;

pub use key::Key;
pub use memory::Memory;

/// What a store answers, in its own time.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// Keeps bytes for a while. What has expired is as good as absent, whatever the store beneath thinks of it.
///
/// Its `Debug` shows no record: there are tokens in them (R28).
pub trait Store: Send + Sync + fmt::Debug {
    /// The value, unless absent or expired.
    fn get(&self, key: Key) -> Pending<'_, Option<Bytes>>;

    /// Keeps the value for `life`, in place of any other.
    fn put(&self, key: Key, value: Bytes, life: Duration) -> Pending<'_, ()>;

    /// The value, for one caller only: it is gone afterwards.
    fn take(&self, key: Key) -> Pending<'_, Option<Bytes>>;

    /// Keeps the value only where there is none. `true` for exactly one of any number of callers at once.
    fn put_new(&self, key: Key, value: Bytes, life: Duration) -> Pending<'_, bool>;

    /// Whether it could be asked when it was asked last. The in-process one always can.
    fn is_up(&self) -> bool {
        true
    }
}

/// The store could not be asked. The in-process one always can.
#[derive(Debug, thiserror::Error)]
#[error("the store cannot be reached")]
pub struct Error(#[source] pub Box<dyn std::error::Error + Send + Sync>);
