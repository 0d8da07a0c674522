//! The objective at a point, and the next point.

use faer::Mat;

use super::Options;
use super::component::{Boldness, Component, Context};
use crate::deconvolution::updates::{self, Metric};
use crate::deconvolution::{EStep, Mixture, Observations, Sums};
use crate::normal_means::problem::GroupNoise;
use crate::normal_means::{Correlation, Data, NormalMeans};
use crate::{Error, Monitor};

/// Parameters.
#[derive(Debug, Clone)]
pub(super) struct Point {
    pub components: Vec<Component>,
    pub weights: Vec<f64>,
    /// The common noise covariance, where it is estimated.
    pub noise: Option<Mat<f64>>,
}

/// Parameters, their objective, and the sums from which the next are found.
#[derive(Debug, Clone)]
pub(super) struct Evaluated {
    pub point: Point,
    pub sums: Vec<Sums>,
    pub loglik: f64,
    pub objective: f64,
}

/// The data, arranged.
#[derive(Debug)]
pub(super) struct Model<'a> {
    data: Data<'a>,
    pub means: NormalMeans<'a>,
    /// The metric of the penalty: an average of the noise.
    pub metric: Metric,
    /// Whether all units have the same noise, and are complete.
    common: bool,
    residual: bool,
}

/// Weights below this are taken to be zero, and their components are left alone.
const NO_WEIGHT: f64 = 1e-13;

impl<'a> Model<'a> {
    pub fn new(data: Data<'a>, options: &Options) -> Result<Self, Error> {
        let means = NormalMeans::new(data)?;
        let metric = metric(&means)?;
        let common = match means.groups.as_slice() {
            [group] => match &group.noise {
                GroupNoise::Shared(noise) => noise.observed.len() == means.conditions,
                _ => false,
            },
            _ => false,
        };
        if options.residual && !same_errors(&data) {
            let why = "must be the same for all units where their covariance is estimated";
            return Err(Error::Value { name: "s", why: why.into() });
        }
        Ok(Self { data, means, metric, common, residual: options.residual })
    }

    pub fn units(&self) -> f64 {
        self.data.units as f64
    }

    /// Where an estimated noise covariance starts.
    pub fn noise(&self) -> Option<Mat<f64>> {
        self.residual.then(|| {
            let mut v = vec![0.0; self.data.conditions * self.data.conditions];
            let (r, s) = (self.data.conditions, self.errors());
            self.data.v.lower(0, self.data.units, r, &mut v);
            Mat::from_fn(r, r, |i, p| s[i] * s[p] * v[i.max(p) * r + i.min(p)])
        })
    }

    /// Standard errors common to all units.
    fn errors(&self) -> Vec<f64> {
        let columns = (0..self.data.conditions).map(|i| {
            let at = |j: usize| i * self.data.units + j;
            let observed = (0..self.data.units).find(|&j| !self.data.x[at(j)].is_nan());
            observed.map_or(1.0, |j| self.data.s[at(j)])
        });
        columns.collect()
    }

    pub fn evaluate(
        &self,
        point: Point,
        options: &Options,
        monitor: &Monitor,
    ) -> Result<Evaluated, Error> {
        let mixture = Mixture {
            weights: point.weights.clone(),
            means: Vec::new(),
            covariances: point.components.iter().map(|c| c.u.clone()).collect(),
        };
        let found = match &point.noise {
            None => EStep::new(Observations::Direct(&self.means), None)?.run(&mixture, monitor)?,
            Some(noise) => {
                let (r, s) = (self.data.conditions, self.errors());
                let v: Vec<f64> =
                    (0..r * r).map(|k| noise[(k % r, k / r)] / (s[k % r] * s[k / r])).collect();
                let means = NormalMeans::new(Data { v: Correlation::Common(&v), ..self.data })?;
                EStep::new(Observations::Direct(&means), None)?.run(&mixture, monitor)?
            }
        };
        let penalty = |c: &Component| c.log_penalty(options.penalty);
        let penalties: f64 = point.components.iter().map(penalty).sum();
        let objective = found.loglik + penalties;
        Ok(Evaluated { point, sums: found.sums, loglik: found.loglik, objective })
    }

    /// New weights and components.
    pub fn propose(&self, now: &Evaluated, options: &Options, boldness: Boldness) -> Point {
        let common = match &now.point.noise {
            _ if !self.common => None,
            Some(noise) => Metric::new(noise.as_ref()),
            None => Some(self.metric.clone()),
        };
        let context = Context {
            step: options.step,
            penalty: options.penalty,
            metric: &self.metric,
            common: common.as_ref(),
            common_is_metric: self.common && now.point.noise.is_none(),
            boldness,
            joint: options.scale.is_none(),
        };
        let components = now.point.components.iter().zip(&now.sums);
        let mut point = now.point.clone();
        point.components = components.map(|(c, s)| c.next(s, &context)).collect();
        if options.weights {
            point.weights = self.new_weights(now);
        }
        point
    }

    fn new_weights(&self, now: &Evaluated) -> Vec<f64> {
        let share = now.sums.iter().map(|s| s.q / self.units());
        let kept: Vec<f64> = share.map(|w| if w < NO_WEIGHT { 0.0 } else { w }).collect();
        let total: f64 = kept.iter().sum();
        kept.iter().map(|w| w / total).collect()
    }

    /// A new noise covariance.
    pub fn propose_noise(&self, now: &Evaluated) -> Point {
        let mut point = now.point.clone();
        point.noise =
            point.noise.map(|noise| updates::residual(noise.as_ref(), &now.sums, self.data.units));
        point
    }
}

/// The correlation of the noise, or its mean where that differs by unit, at the median standard error of
/// each condition: one cell, however exact or inexact, does not move it.
fn metric(means: &NormalMeans) -> Result<Metric, Error> {
    let (j, r) = (means.units, means.conditions);
    let mut median = Vec::with_capacity(r);
    for (i, s) in means.s.chunks_exact(j.max(1)).enumerate() {
        let mut s: Vec<f64> = s.iter().copied().filter(|s| s.is_finite()).collect();
        if s.is_empty() {
            let why = format!("has no observed value in column {}", i + 1);
            return Err(Error::Value { name: "x", why });
        }
        s.sort_unstable_by(f64::total_cmp);
        median.push(0.5 * (s[(s.len() - 1) / 2] + s[s.len() / 2]));
    }
    let units = if means.v.by_unit() { j } else { 1 };
    let (mut v, mut sum) = (vec![0.0; r * r], vec![0.0; r * r]);
    for unit in 0..units {
        means.v.lower(unit, j, r, &mut v);
        sum.iter_mut().zip(&v).for_each(|(sum, v)| *sum += v / units as f64);
    }
    let noise = Mat::from_fn(r, r, |i, p| median[i] * median[p] * sum[i.max(p) * r + i.min(p)]);
    Metric::new(noise.as_ref()).ok_or(Error::SingularNoise { unit: 0 })
}

/// Whether every condition has one standard error.
fn same_errors(data: &Data) -> bool {
    let j = data.units;
    !data.v.by_unit()
        && (0..data.conditions).all(|i| {
            let column = i * j..(i + 1) * j;
            let mut seen = data.x[column.clone()].iter().zip(&data.s[column]);
            let first = seen.find(|(x, _)| !x.is_nan()).map(|(_, s)| *s);
            seen.all(|(x, s)| x.is_nan() || Some(*s) == first)
        })
}
