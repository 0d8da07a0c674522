//! The words that R passes, and what they stand for. An enum of the core has one table, here.

use mnmash_core::Stop;
use mnmash_core::deconvolution::ud::Step;
use mnmash_core::deconvolution::updates::Penalty;
use mnmash_core::factored::LeftPrior;
use mnmash_core::finemap::{Refine, ScaleRule, Update};
use mnmash_core::loci::association::Role;
use mnmash_core::mash::Heterogeneity;
use mnmash_core::noise::Structure;
use mnmash_core::weights::{Method, WeightUpdate};

use crate::nouns::Form;

pub const FORMS: &[(&str, Form)] = &[("samples", Form::Samples), ("products", Form::Products)];

/// As `Stop::word()` says them.
pub const STOPS: &[(&str, Stop)] = &[
    ("converged", Stop::Converged),
    ("iterations", Stop::Iterations),
    ("stalled", Stop::Stalled),
    ("fell", Stop::Fell),
];

pub const WEIGHT_METHODS: &[(&str, Method)] = &[("convex", Method::Convex), ("em", Method::Em)];

pub const UD_STEPS: &[(&str, Step)] =
    &[("ted", Step::Eigenvalues), ("gted", Step::Eigenvalues), ("ed", Step::Ed), ("fa", Step::Fa)];

pub fn penalties(lambda: f64, alpha: f64) -> [(&'static str, Penalty); 3] {
    [
        ("none", Penalty::None),
        ("iw", Penalty::InverseWishart { lambda }),
        ("nu", Penalty::Nuclear { lambda, alpha }),
    ]
}

pub const WEIGHT_UPDATES: &[(&str, WeightUpdate)] =
    &[("convex", WeightUpdate::Convex), ("em", WeightUpdate::Em), ("fixed", WeightUpdate::Fixed)];

/// Structures of residual covariances, those with factors of this rank.
pub fn structures(rank: usize) -> [(&'static str, Structure); 6] {
    [
        ("known", Structure::Known),
        ("diagonal", Structure::Diagonal),
        ("full", Structure::Full),
        ("lowrank", Structure::LowRank { rank, plugin: false }),
        ("plugin", Structure::LowRank { rank, plugin: true }),
        ("factor", Structure::Factors { rank }),
    ]
}

/// Those that fine-mapping has; none has a rank.
pub fn plain_structures(_: usize) -> [(&'static str, Structure); 3] {
    [("known", Structure::Known), ("diagonal", Structure::Diagonal), ("full", Structure::Full)]
}

/// Structures of noise in one dimension: whether it is known.
pub const VARIANCES: &[(&str, bool)] = &[("known", true), ("full", false)];

pub const HETEROGENEITIES: &[(&str, Heterogeneity)] =
    &[("restricted", Heterogeneity::Restricted), ("moments", Heterogeneity::Moments)];

pub const REFINES: &[(&str, Refine)] =
    &[("never", Refine::Never), ("test", Refine::Test), ("always", Refine::Always)];

pub const SCALE_RULES: &[(&str, ScaleRule)] =
    &[("fixed", ScaleRule::Fixed), ("em", ScaleRule::Em), ("optim", ScaleRule::Optim)];

pub const UPDATES: &[(&str, Update)] = &[("direct", Update::Direct), ("compat", Update::Compat)];

pub const ROLES: &[(&str, Role)] =
    &[("U", Role::Unassociated), ("D", Role::Direct), ("I", Role::Indirect)];

/// Families of outcomes; those of the core bear their parameters.
#[derive(Debug, Clone, Copy)]
pub enum FamilyName {
    Gaussian,
    Voom,
    NegativeBinomialOdds,
    NegativeBinomialLog,
    Beta,
    Binomial,
}

pub const FAMILIES: &[(&str, FamilyName)] = &[
    ("gaussian", FamilyName::Gaussian),
    ("voom", FamilyName::Voom),
    ("nb_odds", FamilyName::NegativeBinomialOdds),
    ("nb_log", FamilyName::NegativeBinomialLog),
    ("beta", FamilyName::Beta),
    ("binomial", FamilyName::Binomial),
];

/// Priors of direct effects, that of single effects with so many of them for each outcome.
pub fn direct_priors(effects: usize) -> [(&'static str, LeftPrior); 2] {
    [("spike_slab", LeftPrior::SpikeSlab), ("susie", LeftPrior::SingleEffects(effects))]
}

/// Priors of the factors' sample sides, that of single effects with so many of them.
pub fn left_priors(effects: usize) -> [(&'static str, LeftPrior); 3] {
    [
        ("spike_slab", LeftPrior::SpikeSlab),
        ("susie", LeftPrior::SingleEffects(effects)),
        ("values", LeftPrior::Values),
    ]
}
