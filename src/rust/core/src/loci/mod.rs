//! What looks at many variants or many loci at once, and needs no fit of a locus:
//!
//! - `enrichment`: prior probabilities of variables from annotations, over many loci;
//! - `consistency`: whether z-scores and correlations of variables belong together, before a fit and by
//!   what a fit leaves; and correlations made a correlation matrix;
//! - `association`: Bayes factors of the models in which each condition of a variable is
//!   unassociated, directly or indirectly associated.
//!
//! Results of fits (Bayes factors, posterior probabilities) come in as numbers, so none of these
//! depends on how a locus was fine-mapped.

pub mod association;
pub mod consistency;
pub mod enrichment;
