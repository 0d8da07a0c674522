//! What a fit needs besides data.

use faer::Mat;
use mnmash_core::finemap::{EffectPrior, Options, Start};
use mnmash_core::loci::consistency::Slack;

use crate::consistency::slack;
use crate::nouns::{Mixture, Noise};
use crate::read::{Field, Fields, Outcome};
use crate::words::{REFINES, SCALE_RULES, UPDATES, plain_structures};

/// Prior, noise and options.
pub struct Task {
    pub prior: EffectPrior,
    pub options: Options,
    /// Where effects start.
    pub starts: Vec<Start>,
    pub v: Mat<f64>,
    /// Of an effect, the most probable variables: that have so much of it, and so many.
    pub mass: f64,
    pub most: usize,
    pub samples: OfSamples,
    /// With an infinitesimal background: eigenvalues of the correlations below that are zero.
    pub background: Option<f64>,
    /// Of products, how far they may be off.
    pub slack: Option<Slack>,
    /// Of products, sums of squares of the responses; zero if they are not known.
    pub sums: Vec<f64>,
}

/// What is done to samples, and what else they need.
#[derive(Debug, Clone, Copy)]
pub struct OfSamples {
    pub intercept: bool,
    pub standardize: bool,
    /// For eigenvectors where outcomes are missing, in bytes.
    pub memory: f64,
}

impl OfSamples {
    fn read(list: &Fields) -> Outcome<Self> {
        let (intercept, standardize) = (list.flag("intercept")?, list.flag("standardize")?);
        Ok(Self { intercept, standardize, memory: list.number("memory")? })
    }
}

impl Task {
    /// `noise` and `prior` are those of `r` conditions; `control`: `list(place, L, rule, scale,
    /// entry, update, hold_residual, refine, starts, background, tol, max_iter, mass, most, intercept,
    /// standardize, memory, slack, sums)`, with `place` the prior probabilities of the `p` variables.
    pub fn read(
        noise: &Field,
        prior: &Field,
        control: &Field,
        p: usize,
        r: usize,
    ) -> Outcome<Self> {
        let noise = noise.read(|n| Noise::read(n, r, plain_structures))?;
        let size = prior.read(|f| Mixture::read(f, r))?.weighted()?;
        control.read(|c| {
            let prior = EffectPrior::new(size, c.get("place")?.numbers_of(p)?)?;
            let options = Options {
                effects: c.count("L")?,
                scale_rule: c.one_of("rule", SCALE_RULES)?,
                scale: c.number("scale")?,
                entry: c.number("entry")?,
                update: c.one_of("update", UPDATES)?,
                residual: noise.structure,
                hold_residual: c.flag("hold_residual")?,
                refine: c.one_of("refine", REFINES)?,
                tol: c.number("tol")?,
                max_iter: c.count("max_iter")?,
            };
            let (mass, most, samples) = (c.number("mass")?, c.count("most")?, OfSamples::read(c)?);
            let (v, slack) = (noise.known()?.view().to_owned(), slack(c)?);
            let sums = c.maybe("sums", |s| s.numbers_of(r))?.map_or_else(Vec::new, <[f64]>::to_vec);
            let background = c.maybe("background", |b| b.number())?;
            let starts = c.get("starts")?.items()?;
            let starts = starts.iter().map(|(_, field)| start(field, p, r));
            let starts = starts.collect::<Outcome<Vec<_>>>()?;
            Ok(Self { prior, options, starts, background, v, mass, most, samples, slack, sums })
        })
    }
}

/// `list(variable, mean)`: places, and effects there (a row for each) on the scale of the prior.
fn start(field: &Field, p: usize, r: usize) -> Outcome<Start> {
    field.read(|s| {
        let variables = s.get("variable")?.places(p)?;
        let mean = s.get("mean")?.matrix_of(variables.len(), r)?.view().to_owned();
        Ok(Start { variables, mean })
    })
}
