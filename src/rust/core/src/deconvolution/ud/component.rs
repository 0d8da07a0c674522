//! One component: its shape, and its next value from the sums of an E-step.

use faer::Mat;

use super::Step;
use crate::deconvolution::Sums;
use crate::deconvolution::updates::{
    self, Base, Metric, Penalty, Stepped, average_noise, ed_penalised, eigenvalues, fa, scaled,
    ted, ted_penalised,
};
use crate::linalg::dense::{eigen, product, symmetric};

/// What may change of a covariance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Everything; penalised.
    Free,
    /// Everything within a rank.
    LowRank(usize),
    /// Its scale.
    Scaled,
    /// Nothing.
    Fixed,
}

/// A component's covariance and what goes with it.
#[derive(Debug, Clone)]
pub struct Component {
    /// Its shape.
    pub shape: Shape,
    /// The covariance.
    pub u: Mat<f64>,
    /// The scale of the penalty (free components), or of the given matrix (scaled ones).
    pub scale: f64,
    /// The given matrix (scaled components).
    pub(super) base: Option<Base>,
    /// A factor, where factor analysis needs one.
    pub(super) factor: Option<Mat<f64>>,
    /// The eigenvalues in the metric of the penalty (free components), once they are known.
    eigenvalues: Option<Vec<f64>>,
}

/// How much of the average noise a step uses.
#[derive(Debug, Clone, Copy)]
pub(super) enum Boldness {
    /// None: extreme deconvolution.
    None,
    /// None for free components, this much for the others.
    Warmup(f64),
    /// This much.
    Full(f64),
}

/// What the updates of all components share.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context<'a> {
    pub step: Step,
    pub penalty: Penalty,
    pub metric: &'a Metric,
    /// The noise, where it is common.
    pub common: Option<&'a Metric>,
    /// Whether that is the metric.
    pub common_is_metric: bool,
    pub boldness: Boldness,
    /// Whether scales of penalties are chosen along with the covariances.
    pub joint: bool,
}

/// Sums of responsibilities below this say nothing about a covariance.
const NEGLIGIBLE: f64 = 1e-3;

impl Component {
    /// A component that starts from `u`.
    pub fn new(shape: Shape, u: Mat<f64>, step: Step) -> Self {
        let low_rank = matches!(shape, Shape::LowRank(_));
        let factored =
            step == Step::Fa && shape == Shape::Free || step != Step::Eigenvalues && low_rank;
        let rank = if let Shape::LowRank(rank) = shape { rank } else { u.nrows() };
        let factor = if factored { leading_factor(&u, rank) } else { None };
        let base = (shape == Shape::Scaled).then(|| Base(u.clone()));
        let u = match &factor {
            Some(f) => symmetric(product(f.as_ref(), f.transpose()).as_ref()),
            None => u,
        };
        Self { shape, u, scale: 1.0, base, factor, eigenvalues: None }
    }

    /// Find what the penalty of a free component depends on.
    pub(super) fn prepare(&mut self, penalty: Penalty, metric: &Metric) {
        if self.shape == Shape::Free && penalty != Penalty::None && self.eigenvalues.is_none() {
            self.eigenvalues = eigenvalues(metric, self.u.as_ref());
        }
    }

    /// Give a free component the best scale of its penalty.
    pub(super) fn rescale(&mut self, penalty: Penalty) {
        if let Some(values) = self.eigenvalues.as_ref().filter(|values| values[0] > 0.0) {
            self.scale = penalty.best_scale(values);
        }
    }

    /// Its log-penalty, once it is prepared.
    pub(super) fn log_penalty(&self, penalty: Penalty) -> f64 {
        match &self.eigenvalues {
            None => 0.0,
            Some(values) if values[0] > 0.0 => penalty.value(values, self.scale),
            Some(_) => f64::NEG_INFINITY,
        }
    }

    /// The next value. It stays as it is where it cannot be known better.
    pub(super) fn next(&self, sums: &Sums, context: &Context) -> Self {
        let mut new = self.clone();
        if sums.q <= NEGLIGIBLE {
            return new;
        }
        new.eigenvalues = None;
        if new.update(sums, context).is_none() {
            return self.clone();
        }
        new.prepare(context.penalty, context.metric);
        new.rescale(context.penalty);
        new
    }

    fn update(&mut self, sums: &Sums, context: &Context) -> Option<()> {
        let Context { metric, .. } = *context;
        let u = self.u.clone();
        let noise = |part: f64| match context.common {
            Some(noise) => Some(noise.clone()),
            None => average_noise(u.as_ref(), sums).map(|average| average.scaled(part)),
        };
        let plain = || updates::ed::covariance(u.as_ref(), sums, false);
        let part = match context.boldness {
            Boldness::None => None,
            Boldness::Warmup(part) | Boldness::Full(part) => Some(part),
        };
        match self.shape {
            Shape::Fixed => {}
            Shape::Free => {
                let fa_step = context.step == Step::Fa;
                match (context.boldness, &self.factor) {
                    (Boldness::Full(part), Some(factor)) if fa_step => {
                        let factor = fa(&noise(part)?, factor.as_ref(), sums)?;
                        self.u = symmetric(product(factor.as_ref(), factor.transpose()).as_ref());
                        self.factor = Some(factor);
                    }
                    (Boldness::Full(part), _) if context.step == Step::Eigenvalues => {
                        let new = free_step(&u, sums, context, part, self.scale)?;
                        (self.u, self.eigenvalues) = (new.u, new.eigenvalues);
                    }
                    _ => {
                        let penalty = context.penalty;
                        let new = ed_penalised(u.as_ref(), sums, metric, penalty, self.scale)?;
                        (self.u, self.eigenvalues) = (new.u, new.eigenvalues);
                        if self.factor.is_some() {
                            self.factor = leading_factor(&self.u, u.nrows());
                        }
                    }
                }
            }
            Shape::LowRank(rank) => match (part, &self.factor) {
                (Some(part), Some(factor)) => {
                    let factor = fa(&noise(part)?, factor.as_ref(), sums)?;
                    self.u = symmetric(product(factor.as_ref(), factor.transpose()).as_ref());
                    self.factor = Some(factor);
                }
                (Some(part), None) => self.u = ted(&noise(part)?, u.as_ref(), sums, rank)?,
                (None, _) => {
                    self.u = plain();
                    if self.factor.is_some() {
                        self.factor = leading_factor(&self.u, rank);
                    }
                }
            },
            Shape::Scaled => {
                let base = self.base.as_ref()?;
                if let Some(part) = part {
                    self.scale = scaled(&noise(part)?, base, self.scale, sums)?;
                    let s = self.scale;
                    self.u = Mat::from_fn(u.nrows(), u.ncols(), |i, p| s * base.0[(i, p)]);
                }
            }
        }
        Some(())
    }
}

/// The closed-form step of a free component.
fn free_step(
    u: &Mat<f64>,
    sums: &Sums,
    context: &Context,
    part: f64,
    scale: f64,
) -> Option<Stepped> {
    let Context { penalty, metric, common, .. } = *context;
    let noise = match common {
        Some(noise) => noise.clone(),
        None => average_noise(u.as_ref(), sums)?.scaled(part),
    };
    if penalty == Penalty::None {
        let u = ted(&noise, u.as_ref(), sums, u.nrows())?;
        return Some(Stepped { u, eigenvalues: None });
    }
    // With a penalty there is a closed form for multiples of its own metric only.
    let part = if context.common_is_metric { 1.0 } else { metric.size_of(&noise) };
    ted_penalised(metric, part, u.as_ref(), sums, penalty, scale, context.joint)
}

/// A factor of the best approximation of a rank, in units in which all variances are one: those of
/// the conditions may be far apart.
pub(super) fn leading_factor(u: &Mat<f64>, rank: usize) -> Option<Mat<f64>> {
    let n = u.nrows();
    let sd: Vec<f64> =
        (0..n).map(|i| if u[(i, i)] > 0.0 { u[(i, i)].sqrt() } else { 1.0 }).collect();
    let correlation = Mat::from_fn(n, n, |i, p| u[(i, p)] / (sd[i] * sd[p]));
    let (values, vectors) = eigen(correlation.as_ref())?;
    Some(Mat::from_fn(n, rank.min(n), |i, c| {
        let at = n - 1 - c;
        sd[i] * vectors[(i, at)] * values[at].max(0.0).sqrt()
    }))
}
