//! Where components start.

use faer::Mat;

use super::Options;
use super::component::{Component, Shape};
use super::evaluate::Model;
use crate::deconvolution::updates::{Metric, eigenvalues};
use crate::linalg::dense::{eigen, from_eigen, product};
use crate::random::Stream;

/// A component before the fit.
#[derive(Debug, Clone)]
pub struct Start {
    /// Its shape.
    pub shape: Shape,
    /// Its covariance, or a random one.
    pub u: Option<Mat<f64>>,
}

impl Start {
    /// Whether it differs from start to start.
    pub fn is_random(&self) -> bool {
        self.u.is_none()
    }
}

/// Units from which a random covariance is made.
const NEIGHBOURS: usize = 10;

/// Covariances of the start with this number.
pub(super) fn components(
    model: &Model,
    starts: &[Start],
    options: &Options,
    attempt: usize,
) -> Vec<Component> {
    let whitened = starts.iter().any(Start::is_random).then(|| Whitened::new(model));
    let component = |(k, start): (usize, &Start)| {
        let u = match (&start.u, &whitened) {
            (Some(u), _) if start.shape == Shape::Free => off_boundary(u, &model.metric),
            (Some(u), _) => u.clone(),
            (None, Some(whitened)) => {
                let row = (attempt * starts.len() + k) as u64;
                whitened.random(&Stream::new(options.seed, row), start.shape, &model.metric)
            }
            (None, None) => model.metric.matrix(),
        };
        let mut component = Component::new(start.shape, u, options.step);
        component.prepare(options.penalty, &model.metric);
        match options.scale {
            Some(scale) => component.scale = scale,
            None => component.rescale(options.penalty),
        }
        component
    };
    starts.iter().enumerate().map(component).collect()
}

/// A start that is singular, or nearly, with some variance in every direction.
fn off_boundary(u: &Mat<f64>, metric: &Metric) -> Mat<f64> {
    let Some(values) = eigenvalues(metric, u.as_ref()) else { return u.clone() };
    let r = values.len();
    if values[0] > 1e-4 * values[r - 1] {
        return u.clone();
    }
    let mean = values.iter().sum::<f64>() / r as f64;
    let nudge = 0.01 * if mean > 0.0 { mean } else { 1.0 };
    let m = metric.matrix();
    Mat::from_fn(r, r, |i, p| u[(i, p)] + nudge * m[(i, p)])
}

/// The units in the coordinates of the metric.
#[derive(Debug)]
struct Whitened {
    /// R by J.
    z: Mat<f64>,
    /// Sums of squares.
    square: Vec<f64>,
}

impl Whitened {
    fn new(model: &Model) -> Self {
        let (j, r) = (model.means.units, model.means.conditions);
        let x = Mat::from_fn(r, j, |i, p| model.means.x[i * j + p]);
        let z = model.metric.enter_factor(x.as_ref());
        let square = (0..j).map(|p| (0..r).map(|i| z[(i, p)].powi(2)).sum()).collect();
        Self { z, square }
    }

    /// The covariance of a random unit (large ones being likelier) and of those most like it in
    /// direction, less the noise.
    fn random(&self, stream: &Stream, shape: Shape, metric: &Metric) -> Mat<f64> {
        let (r, j) = (self.z.nrows(), self.z.ncols());
        let total: f64 = self.square.iter().sum();
        let mut left = stream.uniform(0) * total;
        let seed = self.square.iter().position(|s| {
            left -= s;
            left <= 0.0
        });
        let seed = seed.unwrap_or(j - 1);
        let direction = self.z.as_ref().subcols(seed, 1);
        let along = product(self.z.transpose(), direction);
        let likeness = |p: usize| along[(p, 0)].powi(2) / self.square[p].max(f64::MIN_POSITIVE);
        let mut order: Vec<usize> = (0..j).collect();
        let n = NEIGHBOURS.min(j);
        let closer = |a: &usize, b: &usize| likeness(*b).total_cmp(&likeness(*a)).then(a.cmp(b));
        if n < j {
            order.select_nth_unstable_by(n - 1, closer);
        }
        order.truncate(n);
        order.sort_unstable();
        let near = Mat::from_fn(r, n, |i, p| self.z[(i, order[p])] / (n as f64).sqrt());
        let moment = product(near.as_ref(), near.transpose());
        let Some((values, vectors)) = eigen(moment.as_ref()) else { return metric.matrix() };
        // Directions without a sign of effects start small, not at zero.
        let mean = (values.iter().sum::<f64>() / r as f64 - 1.0).max(0.1);
        let rank = if let Shape::LowRank(rank) = shape { rank.min(r) } else { r };
        let new: Vec<f64> = (0..r)
            .map(|i| if i + rank < r { 0.0 } else { (values[i] - 1.0).max(0.1 * mean) })
            .collect();
        metric.leave(from_eigen(&new, vectors.as_ref()).as_ref())
    }
}
