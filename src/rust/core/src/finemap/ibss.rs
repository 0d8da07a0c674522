//! One effect after another, each given the others, until the evidence bound stands still.
//!
//! By default the scale of an effect is its best at every visit, and an effect whose evidence is
//! not above that of none is taken out at once. Effects that are out all see the same residual, so
//! the test of one answers for the rest: a sweep costs the effects that are in, and one more. Such
//! a fit can rest where one effect stands for two. So when it has converged, one more effect is put
//! in at the scale of the others and held there for some sweeps; what comes of it is kept if the
//! bound is higher, and forgotten otherwise. [`Update::Compat`] keeps the order of an older
//! program: all effects are in for ten sweeps, scales move by one step of expectation maximisation
//! after the posterior, and only then can go to zero.

use super::model::{Fit, Options, Update};
use super::single_effect::{EffectPrior, ScaleRule};
use super::sweeps::Sweeps;
use crate::predictors::Region;
use crate::{Ended, Error, Monitor, Stop};

/// Fit. `design` ends with the last residual covariance.
pub fn fit(
    design: &mut dyn Region,
    prior: &EffectPrior,
    options: &Options,
    monitor: &Monitor,
) -> Result<Fit, Error> {
    let mut sweeps = Sweeps::new(design, prior, options)?;
    let mut run = sweeps.run(options.max_iter, monitor)?;
    let explores = options.update == Update::Direct && options.scale_rule != ScaleRule::Fixed;
    while explores && run.converged && run.elbo.len() < options.max_iter {
        let (kept, bound) = (sweeps.save(), run.bound());
        if !sweeps.seed() {
            break;
        }
        let trial = sweeps.run(options.max_iter - run.elbo.len(), monitor)?;
        if trial.bound() <= bound + options.tol.max(options.entry) || !trial.converged {
            sweeps.restore(kept)?;
            break;
        }
        run.elbo.extend(trial.elbo.into_iter().filter(|b| *b > bound));
        run.decrease = run.decrease.max(trial.decrease);
    }
    let stop = if run.contradicted { Stop::Contradicted } else { Stop::at(run.converged) };
    let left = sweeps.shares_left();
    let (effects, residual) = sweeps.finish();
    let ended = Ended::new(stop, run.elbo.len(), run.elbo);
    Ok(Fit { effects, residual, left, ended, decrease: run.decrease })
}
