//! An effect at some variables, one component of its prior at a time.

use crate::normal_means::posterior::{Posterior, Weights};
use crate::normal_means::{Correlation, Data, NormalMeans, posterior};
use crate::{Error, Monitor, Prior};

/// What is known of an effect at the variables where it most probably is.
#[derive(Debug, Clone)]
pub struct Near<'a> {
    /// These variables.
    pub variables: Vec<usize>,
    /// What they say, each alone and given the other effects: estimates and standard errors,
    /// variables by conditions, by columns.
    pub x: &'a [f64],
    /// See `x`.
    pub s: &'a [f64],
    /// Their correlation: R by R, or R by R for each variable.
    pub v: &'a [f64],
    /// Posterior weights of the components at these variables, by columns.
    pub weights: &'a [f64],
    /// What multiplies the prior.
    pub scale: f64,
}

/// Posterior moments given one component: variables by conditions, by columns, and R by R for each
/// variable if they are wanted.
#[derive(Debug)]
pub struct Component {
    pub mean: Vec<f64>,
    pub sd: Vec<f64>,
    pub covariance: Vec<f64>,
}

/// The same at some of the variables.
#[derive(Debug)]
pub struct Part {
    rows: usize,
    conditions: usize,
    x: Vec<f64>,
    s: Vec<f64>,
    v: Vec<f64>,
    /// Weights of the components, by columns.
    pub weights: Vec<f64>,
    prior: Prior,
}

impl Near<'_> {
    /// At the variables with these places among those here.
    pub fn part(&self, rows: &[usize], prior: &Prior) -> Part {
        let (n, r) = (self.variables.len(), prior.conditions);
        let columns = |x: &[f64]| -> Vec<f64> {
            let column = |c: &[f64]| rows.iter().map(|&i| c[i]).collect::<Vec<f64>>();
            x.chunks_exact(n.max(1)).flat_map(column).collect()
        };
        let v = match self.v.len() == r * r {
            true => self.v.to_vec(),
            false => {
                rows.iter().flat_map(|&i| &self.v[i * r * r..(i + 1) * r * r]).copied().collect()
            }
        };
        Part {
            rows: rows.len(),
            conditions: r,
            x: columns(self.x),
            s: columns(self.s),
            v,
            weights: columns(self.weights),
            prior: prior.clone().times(self.scale),
        }
    }
}

impl Part {
    /// The moments of those components that have a weight of at least `least` somewhere, and none for
    /// the others.
    pub fn components(
        &self,
        least: f64,
        covariance: bool,
        monitor: &Monitor,
    ) -> Result<Vec<Option<Component>>, Error> {
        let (n, r) = (self.rows, self.conditions);
        let v = match self.v.len() == r * r {
            true => Correlation::Common(&self.v),
            false => Correlation::PerUnit(&self.v),
        };
        let means = NormalMeans::new(Data { units: n, conditions: r, x: &self.x, s: &self.s, v })?;
        let ones = vec![1.0; n];
        let one = |(k, weights): (usize, &[f64])| {
            if weights.iter().all(|w| *w < least) {
                return Ok(None);
            }
            let table = || vec![0.0; n * r];
            let square = if covariance { n * r * r } else { 0 };
            let mut out = Component { mean: table(), sd: table(), covariance: vec![0.0; square] };
            let [mut lfdr, mut negative, mut positive, mut lfsr] =
                [table(), table(), table(), table()];
            let to = Posterior {
                mean: &mut out.mean,
                sd: &mut out.sd,
                lfdr: &mut lfdr,
                negative: &mut negative,
                positive: &mut positive,
                lfsr: &mut lfsr,
                covariance: covariance.then_some(&mut out.covariance[..]),
            };
            let weights = Weights { active: &[k], values: &ones };
            posterior(&means, &self.prior, weights, None, None, to, monitor)?;
            // What a component holds at zero is zero, without the dust of rounding.
            for (c, sd) in out.sd.chunks_exact_mut(n).enumerate() {
                if lfdr[c * n] == 1.0 {
                    sd.fill(0.0);
                    out.mean[c * n..(c + 1) * n].fill(0.0);
                }
            }
            Ok(Some(out))
        };
        self.weights.chunks_exact(n.max(1)).enumerate().map(one).collect()
    }
}
