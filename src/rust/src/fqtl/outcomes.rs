//! Outcomes, and what belongs to each.

use mnmash_core::factored::covariates::Covariates;
use mnmash_core::factored::factor::SampleWeights;
use mnmash_core::factored::families::Outcomes;
use mnmash_core::factored::hyper::{Hyper, Presence};
use mnmash_core::factored::left::Kind;
use mnmash_core::factored::single::{SingleEffects, sizes_between};
use mnmash_core::factored::slab::{Sign, Slab};
use mnmash_core::factored::{Direct, LeftPrior};

use crate::read::{Fields, Outcome, Table};

/// `list(y, offset, weights, covariates, precision, masks)`: n by m, the offset the same or NULL;
/// n by k and n by q; `masks`: of each outcome, the predictors that may act on it directly, or
/// NULL.
pub struct Given<'a> {
    pub y: Table<'a>,
    pub offset: &'a [f64],
    pub weights: Option<Table<'a>>,
    covariates: Table<'a>,
    precision: f64,
    masks: Vec<Vec<usize>>,
}

impl<'a> Given<'a> {
    pub fn read(list: &Fields<'a>, n: usize, p: usize) -> Outcome<Self> {
        let y = list.get("y")?.matrix_with(n)?;
        let offset = list.maybe("offset", |o| Ok(o.matrix_of(n, y.cols)?.values))?;
        let masks = list.maybe("masks", |m| m.items()?.iter().map(|m| m.1.places(p)).collect())?;
        Ok(Self {
            y,
            offset: offset.unwrap_or(&[]),
            weights: list.maybe("weights", |w| w.matrix_with(n))?,
            covariates: list.get("covariates")?.matrix_with(n)?,
            precision: list.number("precision")?,
            masks: masks.unwrap_or_default(),
        })
    }

    pub fn outcomes(&self) -> Outcomes<'a> {
        Outcomes { n: self.y.rows, m: self.y.cols, y: self.y.values }
    }

    pub fn covariates(&self) -> Covariates<'a> {
        let Table { cols, values, .. } = self.covariates;
        Covariates { q: cols, values, precision: self.precision }
    }

    pub fn sample_weights(&self) -> Option<SampleWeights<'a>> {
        self.weights.map(|w| SampleWeights { values: w.values, count: w.cols })
    }

    /// Direct effects before the first sweep, of `p` predictors.
    pub fn direct(&self, p: usize, prior: LeftPrior, hyper: Hyper) -> Vec<Direct> {
        let pi = (1.0 / p.max(1) as f64).clamp(hyper.pi.0, hyper.pi.1);
        let tau = 1f64.clamp(hyper.tau.0, hyper.tau.1);
        let n = self.y.rows;
        let kind = |count: usize| match prior {
            LeftPrior::SingleEffects(effects) => {
                let mut sum = SingleEffects::new(effects, n, count, sizes_between(hyper.tau), 0.0);
                sum.log_odds = hyper.log_odds(&Presence::of(std::iter::once(&sum)));
                Kind::Single(sum)
            }
            _ => Kind::Sparse(Slab::new(count, pi, tau, Sign::Any)),
        };
        let one = |active: &Vec<usize>| Direct {
            active: active.clone(),
            kind: kind(active.len()),
            mean: vec![0.0; n],
            variance: vec![0.0; n],
        };
        self.masks.iter().map(one).collect()
    }
}
