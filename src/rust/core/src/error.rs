use std::fmt;

/// What can go wrong in the core. Each message names the argument at fault and the place.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// An argument's length or shape disagrees with the others'.
    Shape {
        /// The argument.
        name: &'static str,
        /// The number of elements it should have.
        expected: usize,
        /// The number it has.
        found: usize,
    },
    /// A value that is not usable: not finite, negative, or out of range.
    Value {
        /// The argument.
        name: &'static str,
        /// What is wrong, and where (1-based).
        why: String,
    },
    /// A covariance matrix has a negative eigenvalue.
    NotPsd {
        /// The matrix.
        name: String,
        /// Its smallest eigenvalue.
        eigenvalue: f64,
    },
    /// The noise covariance of a unit is not positive definite.
    SingularNoise {
        /// The unit (0-based).
        unit: usize,
    },
    /// The data are too few, or too uneven, for what is asked of them.
    TooFew(String),
    /// The machine does not give so much memory.
    Memory {
        /// What was asked for.
        bytes: usize,
    },
    /// The threads could not be started.
    Threads(String),
    /// The caller asked to stop.
    Interrupted,
}

impl Error {
    /// A stable, short name, from which a caller can make its own error class.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Shape { .. } => "dimension",
            Self::Value { .. } => "value",
            Self::NotPsd { .. } => "not_psd",
            Self::SingularNoise { .. } => "singular_noise",
            Self::TooFew(_) => "too_few",
            Self::Memory { .. } => "memory",
            Self::Threads(_) => "threads",
            Self::Interrupted => "interrupted",
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shape { name, expected, found } => {
                write!(f, "`{name}` has {found} elements, not {expected}")
            }
            Self::Value { name, why } => write!(f, "`{name}` {why}"),
            Self::NotPsd { name, eigenvalue } => write!(
                f,
                "{name} is not positive semi-definite: its smallest eigenvalue is {eigenvalue:.3e}"
            ),
            Self::SingularNoise { unit } => {
                write!(f, "the noise covariance of row {} is not positive definite", unit + 1)
            }
            Self::TooFew(why) => f.write_str(why),
            Self::Memory { bytes } => write!(
                f,
                "there is not enough memory for the {:.1} GB that are needed next: use fewer units \
                 or components at a time, or allow the process more",
                (*bytes as f64 / 1e9).max(0.1)
            ),
            Self::Threads(why) => write!(f, "could not start the threads: {why}"),
            Self::Interrupted => f.write_str("interrupted"),
        }
    }
}

impl std::error::Error for Error {}
