//! One effect after another, each given the others, until the evidence bound stands still.
//!
//! By default the scale of an effect is its best at every visit, and an effect whose evidence is
//! not above that of none is taken out at once. Effects that are out all see the same residual, so
//! the test of one answers for the rest: a sweep costs the effects that are in, and one more. Such
//! a fit can rest where one effect stands for two. So when it has converged, one more effect is put
//! in at the scale of the others and held there for some sweeps; what comes of it is kept if the
//! bound is higher, and forgotten otherwise. Then a residual covariance that was held may move, and
//! the fit is compared with others (`refine`). [`Update::Compat`] keeps the order of an older
//! program: all effects are in for ten sweeps, scales move by one step of expectation maximisation
//! after the posterior, and only then can go to zero.

use super::model::{Fit, Options, Start, Update};
use super::refine::refine;
use super::single_effect::{EffectPrior, ScaleRule};
use super::sweeps::{Run, Sweeps};
use crate::predictors::Region;
use crate::{Ended, Error, Monitor, Stop};

/// Fit, from `starts` if there are any. `design` ends with the last residual covariance.
pub fn fit(
    design: &mut dyn Region,
    prior: &EffectPrior,
    options: &Options,
    starts: &[Start],
    monitor: &Monitor,
) -> Result<Fit, Error> {
    let mut sweeps = Sweeps::new(design, prior, options)?;
    sweeps.put(starts);
    let mut run = ascend(&mut sweeps, options, options.max_iter, monitor)?;
    if options.hold_residual && run.converged && run.elbo.len() < options.max_iter {
        let kept = sweeps.save();
        sweeps.free_noise();
        let trial = ascend(&mut sweeps, options, options.max_iter - run.elbo.len(), monitor)?;
        if is_better(&trial, &run, options) && trial.decrease <= options.tol {
            run.append(trial);
        } else {
            sweeps.restore(kept)?;
        }
    }
    if !run.contradicted && options.update == Update::Direct {
        refine(&mut sweeps, &mut run, options, monitor)?;
    }
    let stop = if run.contradicted { Stop::Contradicted } else { Stop::at(run.converged) };
    let left = sweeps.shares_left();
    let (effects, residual) = sweeps.finish();
    let ended = Ended::new(stop, run.elbo.len(), run.elbo);
    Ok(Fit { effects, residual, left, ended, decrease: run.decrease })
}

/// Sweeps until the bound stands still, also when one more effect has been put in.
pub(super) fn ascend(
    sweeps: &mut Sweeps<'_>,
    options: &Options,
    most: usize,
    monitor: &Monitor,
) -> Result<Run, Error> {
    let mut run = sweeps.run(most, monitor)?;
    let explores = options.update == Update::Direct && options.scale_rule != ScaleRule::Fixed;
    while explores && run.converged && run.elbo.len() < most {
        let kept = sweeps.save();
        if !sweeps.seed() {
            break;
        }
        let trial = sweeps.run(most - run.elbo.len(), monitor)?;
        if !trial.converged || trial.bound() <= run.bound() + options.tol.max(options.entry) {
            sweeps.restore(kept)?;
            break;
        }
        run.append(trial);
    }
    Ok(run)
}

/// Whether another fit ended well, and higher.
pub(super) fn is_better(trial: &Run, run: &Run, options: &Options) -> bool {
    let ended = !trial.contradicted && (trial.converged || !run.converged);
    ended && trial.bound() > run.bound() + options.tol
}
