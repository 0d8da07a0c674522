//! Whether another start, or two effects in the place of one, ends higher.
//!
//! Where causal variants are alike, one effect can stand for two, and none of them alone can leave.
//! A fit from variables that explain much together (`pursuit`) knows them all at once. It is never
//! used alone: on noise such variables hold one another up. The evidence bound says which is kept.

use faer::Mat;

use super::ibss::{ascend, is_better};
use super::model::{Options, Refine};
use super::pairs::{Pair, along, best_pair};
use super::pursuit::{Pursuit, Regression};
use super::single_effect::ScaleRule;
use super::sweeps::{Run, Sweeps};
use crate::{Error, Monitor};

/// Variables that a pursuit takes in.
const PURSUED: usize = 8;

/// Rounds of moves of pairs, and the moves that are tried in each.
const ROUNDS: usize = 6;
const TRIED: usize = 3;

/// Compare a fit with others, and keep the highest.
pub fn refine(
    sweeps: &mut Sweeps<'_>,
    run: &mut Run,
    options: &Options,
    monitor: &Monitor,
) -> Result<(), Error> {
    if options.refine == Refine::Never || options.scale_rule == ScaleRule::Fixed {
        return Ok(());
    }
    start_again(sweeps, run, options, monitor)?;
    if options.refine == Refine::Always {
        for _ in 0..ROUNDS {
            if !move_pairs(sweeps, run, options, monitor)? {
                break;
            }
        }
    }
    Ok(())
}

/// A fit from variables that explain much together: of the test, if they explain more, each of them at
/// its price, than the fit, or than those where its effects most probably are.
fn start_again(
    sweeps: &mut Sweeps<'_>,
    run: &mut Run,
    options: &Options,
    monitor: &Monitor,
) -> Result<(), Error> {
    let test = options.refine == Refine::Test;
    if test && sweeps.live.is_empty() {
        return Ok(());
    }
    let Some(mut pursuit) = Pursuit::new(&*sweeps.design, &sweeps.prior.log_place) else {
        return Ok(());
    };
    let pursued = pursuit.pursue(options.effects.min(PURSUED));
    let (worth, score) = pursuit.worth(&pursued);
    let none = sweeps.design.residual_norm(sweeps.design.start(), &[]);
    let gain = run.bound() - (sweeps.design.constant() - 0.5 * none);
    if test && score <= gain.min(pursuit.worth(&sweeps.leads()).1) {
        return Ok(());
    }
    let all = pursuit.regression(&pursued);
    let enough = |r: &Regression| r.variables.len() > 1;
    let starts: Vec<Regression> = [all, worth].into_iter().flatten().filter(enough).collect();
    for start in starts {
        let kept = sweeps.save();
        sweeps.clear();
        for (i, &j) in start.variables.iter().enumerate() {
            if let Some(l) = sweeps.bring_in() {
                sweeps.place(l, vec![j], start.coefficients.subrows(i, 1).to_owned());
            }
        }
        let trial = ascend(sweeps, options, options.max_iter, monitor)?;
        if is_better(&trial, run, options) {
            *run = trial;
        } else {
            sweeps.restore(kept)?;
        }
    }
    Ok(())
}

/// The effect that leaves, if any, its direction, and the pair that comes.
struct Move {
    from: Option<usize>,
    direction: Vec<f64>,
    pair: Pair,
    gain: f64,
}

/// Put the pair that promises most in the place of one effect, or of none. Returns whether the bound
/// rose.
fn move_pairs(
    sweeps: &mut Sweeps<'_>,
    run: &mut Run,
    options: &Options,
    monitor: &Monitor,
) -> Result<bool, Error> {
    let mut moves: Vec<Move> = Vec::new();
    for from in std::iter::once(None).chain(sweeps.live.clone().into_iter().map(Some)) {
        monitor.advance(0)?;
        moves.extend(propose(sweeps, from));
    }
    moves.sort_by(|a, b| b.gain.total_cmp(&a.gain));
    for Move { from, direction, pair, .. } in moves.into_iter().take(TRIED) {
        let kept = sweeps.save();
        let second = if from.is_some() { None } else { sweeps.bring_in() };
        let (Some(first), Some(second)) = (from.or(second), sweeps.bring_in()) else {
            sweeps.restore(kept)?;
            continue;
        };
        for ((l, j), b) in [first, second].into_iter().zip(pair.at).zip(pair.effects) {
            sweeps.place(l, vec![j], Mat::from_fn(1, direction.len(), |_, r| b * direction[r]));
        }
        let most = options.max_iter.saturating_sub(run.elbo.len());
        let trial = ascend(sweeps, options, most, monitor)?;
        if is_better(&trial, run, options) {
            run.append(trial);
            return Ok(true);
        }
        sweeps.restore(kept)?;
    }
    Ok(false)
}

/// The best pair for what is left without effect `from`.
fn propose(sweeps: &Sweeps<'_>, from: Option<usize>) -> Option<Move> {
    let design = &*sweeps.design;
    let mut residual = sweeps.residual.clone();
    let mut lost = 0.0;
    if let Some(l) = from {
        residual += &sweeps.effects[l].fitted;
        lost = sweeps.effects[l].total;
    }
    let scores = design.scores(&residual);
    let square = |j: &usize| scores.row(*j).squared_norm_l2();
    let lead = match from {
        Some(l) => sweeps.lead(l),
        None => (0..scores.nrows()).max_by(|a, b| square(a).total_cmp(&square(b)))?,
    };
    let size = square(&lead).sqrt();
    if size <= 0.0 {
        return None;
    }
    let direction: Vec<f64> = scores.row(lead).iter().map(|x| x / size).collect();
    let pair = best_pair(design, &along(design, &scores, &direction))?;
    let place = |j: usize| sweeps.prior.log_place[j];
    let gain = pair.log_bayes + place(pair.at[0]) + place(pair.at[1]) - lost;
    Some(Move { from, direction, pair, gain })
}

impl Sweeps<'_> {
    /// Where an effect most probably is.
    fn lead(&self, l: usize) -> usize {
        let alpha = &self.effects[l].alpha;
        (0..alpha.len()).fold(0, |best, j| if alpha[j] > alpha[best] { j } else { best })
    }

    /// Where the effects most probably are.
    fn leads(&self) -> Vec<usize> {
        let mut all: Vec<usize> = self.live.iter().map(|&l| self.lead(l)).collect();
        all.sort_unstable();
        all.dedup();
        all
    }
}
