//! Updates of one component of a mixture, as functions of the sums of the E-step.

pub mod ed;
