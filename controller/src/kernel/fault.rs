//! Why an operation was refused or failed: the one error that every domain returns and the web turns into an answer.
//!
//! What a person may read stands in the variant; what only the log may have stands in `Internal`.

/// The result of a domain's operation.
pub type Result<T, E = Fault> = std::result::Result<T, E>;

/// What is wrong with one field of a request.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct FieldError {
    /// The field, as in the request: `access.username`.
    pub field: String,
    /// A sentence for the person who filled it in.
    pub message: String,
}

/// Why an operation did not happen.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The thing does not exist, or not for this caller.
    #[error("{what} not found")]
    NotFound {
        /// The kind of thing: `customer`.
        what: &'static str,
    },
    /// Fields of the request are wrong.
    #[error("the request has {} wrong field(s)", .0.len())]
    Invalid(Vec<FieldError>),
    /// The state of things does not allow it.
    #[error("{detail}")]
    Conflict {
        /// A stable word for programs: `area_in_use`.
        code: &'static str,
        /// A sentence for people.
        detail: String,
    },
    /// A value that must be unique is taken already.
    #[error("{message}")]
    Taken {
        /// A stable word for programs: `username_taken`.
        code: &'static str,
        /// The field that holds the value.
        field: &'static str,
        /// A sentence for people.
        message: String,
    },
    /// The caller may not do that.
    #[error("{detail}")]
    Forbidden {
        /// A sentence for people.
        detail: String,
    },
    /// Nobody is signed in, or the credentials are wrong.
    #[error("sign in first")]
    Unauthorized,
    /// Too many tries.
    #[error("too many tries; wait {retry_after_seconds} s")]
    TooMany {
        /// When trying again makes sense, in seconds.
        retry_after_seconds: u64,
    },
    /// Something needed is not there at the moment; trying again makes sense.
    #[error("{detail}")]
    Unavailable {
        /// A sentence for people.
        detail: String,
    },
    /// A bug or a broken machine. The source goes to the log, never into an answer.
    #[error("internal error")]
    Internal(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Fault {
    /// One wrong field.
    pub fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldError { field: field.into(), message: message.into() }])
    }

    /// A conflict with a stable word and a sentence.
    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::Conflict { code, detail: detail.into() }
    }

    /// A unique value that is taken.
    pub fn taken(code: &'static str, field: &'static str, message: impl Into<String>) -> Self {
        Self::Taken { code, field, message: message.into() }
    }

    /// An internal error from any error or text.
    pub fn internal(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(source.into())
    }
}

/// Collects field errors, so that a form shows all of them at once.
#[derive(Debug, Default)]
pub struct Check {
    errors: Vec<FieldError>,
}

impl Check {
    /// Nothing wrong so far.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an error on `field` unless `ok`.
    pub fn that(&mut self, ok: bool, field: &str, message: impl Into<String>) -> &mut Self {
        if !ok {
            self.errors.push(FieldError { field: field.to_owned(), message: message.into() });
        }
        self
    }

    /// `Invalid` if anything was wrong.
    ///
    /// # Errors
    /// [`Fault::Invalid`] with every field error that was added.
    pub fn done(&mut self) -> Result<()> {
        if self.errors.is_empty() { Ok(()) } else { Err(Fault::Invalid(std::mem::take(&mut self.errors))) }
    }
}
