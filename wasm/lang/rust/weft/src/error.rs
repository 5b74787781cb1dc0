use alloc::string::String;
use core::fmt;

/// The result of whatever can fail.
pub type Result<T> = core::result::Result<T, Error>;

/// Why a transaction fails: the text that the client gets, and the status of
/// the response, 500 unless set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    status: i32,
    message: String,
    code: Option<Code>,
}

/// What the host answers when it refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Code {
    /// There is no such thing; methods for which that is usual answer `None`.
    NotFound,
    /// An argument is wrong, such as an empty key.
    InvalidArgument,
    /// The collection's policy does not allow it.
    Denied,
    /// The call may not write.
    ReadOnly,
    /// This host does not serve the function.
    Unsupported,
    /// A limit is reached.
    Limit,
    /// The iterator is closed.
    BadHandle,
    /// Not in a transaction.
    NotInTransaction,
    /// A refusal that this version of the crate does not know.
    Other(i32),
}

impl Error {
    /// An error with status 500.
    pub fn new(message: impl Into<String>) -> Self {
        Error { status: 500, message: message.into(), code: None }
    }

    /// The same error with another status; below 400 the response would count
    /// as a success, so less becomes 400.
    pub fn with_status(mut self, status: i32) -> Self {
        self.status = status.max(400);
        self
    }

    /// The status of the response.
    pub fn status(&self) -> i32 {
        self.status
    }

    /// The text for the client.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What the host said, if it was the host that refused.
    pub fn code(&self) -> Option<Code> {
        self.code
    }

    pub(crate) fn from_host(answer: i32, message: String) -> Self {
        let code = match answer {
            -1 => Code::NotFound,
            -2 => Code::InvalidArgument,
            -3 => Code::Denied,
            -4 => Code::ReadOnly,
            -5 => Code::Unsupported,
            -6 => Code::Limit,
            -7 => Code::BadHandle,
            -8 => Code::NotInTransaction,
            other => Code::Other(other),
        };
        Error { status: 500, message, code: Some(code) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl From<String> for Error {
    fn from(message: String) -> Self {
        Error::new(message)
    }
}

impl From<&str> for Error {
    fn from(message: &str) -> Self {
        Error::new(message)
    }
}
