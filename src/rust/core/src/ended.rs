//! How an iteration ended: the same for every fit.

/// Why it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// What had to become small is small enough.
    Converged,
    /// All iterations that were allowed have been made.
    Iterations,
    /// No step raises the objective by more than rounding hides.
    Stalled,
    /// The objective fell, by more than rounding explains.
    Fell,
    /// The fit explains more than there is: the data contradict each other.
    Contradicted,
}

/// A share of a sum of squares that is left below minus this is no rounding of data.
pub const BEYOND: f64 = 1e-3;

impl Stop {
    /// [`Converged`](Self::Converged) if it did, and [`Iterations`](Self::Iterations) if not.
    pub fn at(converged: bool) -> Self {
        if converged { Self::Converged } else { Self::Iterations }
    }

    /// In one word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Converged => "converged",
            Self::Iterations => "iterations",
            Self::Stalled => "stalled",
            Self::Fell => "fell",
            Self::Contradicted => "contradicted",
        }
    }

    /// In words.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Converged => "converged",
            Self::Iterations => "reached the limit of iterations",
            Self::Stalled => "no step improves the objective beyond rounding",
            Self::Fell => "the objective decreased",
            Self::Contradicted => {
                "the fit explains more than there is: the data contradict each other"
            }
        }
    }

    /// Whether the fit is what was asked for.
    pub fn converged(self) -> bool {
        self == Self::Converged
    }
}

/// What is known of an iteration when it is over.
#[derive(Debug, Clone, PartialEq)]
pub struct Ended {
    /// Why it ended.
    pub stop: Stop,
    /// The iterations that were made.
    pub iterations: usize,
    /// The objective, first to last: what it has a value for each of (the start, or only the
    /// iterations) is said where the fit is.
    pub trace: Vec<f64>,
    /// Why it ended, in words; what this fit can say beyond [`Stop::reason`].
    pub message: &'static str,
}

impl Ended {
    /// An end whose reason says all.
    pub fn new(stop: Stop, iterations: usize, trace: Vec<f64>) -> Self {
        Self { stop, iterations, trace, message: stop.reason() }
    }

    /// The same with other words for one of the reasons.
    pub fn saying(mut self, stop: Stop, message: &'static str) -> Self {
        if self.stop == stop {
            self.message = message;
        }
        self
    }

    /// Whether the fit is what was asked for.
    pub fn converged(&self) -> bool {
        self.stop.converged()
    }

    /// The objective at the end; minus infinity before there was any.
    pub fn last(&self) -> f64 {
        self.trace.last().copied().unwrap_or(f64::NEG_INFINITY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_fit_that_converged_says_so_and_words_are_its_own() {
        let all =
            [Stop::Converged, Stop::Iterations, Stop::Stalled, Stop::Fell, Stop::Contradicted];
        for (i, stop) in all.into_iter().enumerate() {
            let ended = Ended::new(stop, 2, vec![1.0, 3.0]);
            assert_eq!(ended.converged(), i == 0);
            assert_eq!((ended.message, ended.last()), (stop.reason(), 3.0));
            let other = ended.saying(Stop::Fell, "own words");
            assert_eq!(other.message == "own words", stop == Stop::Fell);
            for before in &all[..i] {
                assert!(before.word() != stop.word() && before.reason() != stop.reason());
            }
        }
        assert_eq!(Ended::new(Stop::at(false), 0, Vec::new()).last(), f64::NEG_INFINITY);
    }
}
