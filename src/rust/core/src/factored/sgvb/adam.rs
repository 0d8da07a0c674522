//! Adam on spike-and-slab coefficients: on the log-odds of inclusion, on the slab's location in units
//! of its scale, and on the logarithm of its squared scale. Steps therefore have no units.

use crate::factored::slab::Slab;
use crate::linalg::scalar::{logistic, logit};

/// The derivatives of the expected log-likelihood by the mean and the second moment of a coefficient.
#[derive(Debug, Clone, Copy, Default)]
pub struct Gradient {
    /// By the mean.
    pub mean: f64,
    /// By the second moment.
    pub second: f64,
}

/// Decay of the averages of gradients and of their squares.
const DECAY: (f64, f64) = (0.9, 0.99);
/// Log-odds beyond which a coefficient is in, or out, for good.
const SURE: f64 = 30.0;

/// Running averages of gradients, in the order in which coefficients are visited.
#[derive(Debug, Clone, Default)]
pub struct Adam {
    averages: Vec<[[f64; 2]; 3]>,
    at: usize,
    steps: i32,
    rate: f64,
}

impl Adam {
    /// A new step of this length.
    pub fn begin(&mut self, rate: f64) {
        (self.at, self.rate) = (0, rate);
        self.steps += 1;
    }

    /// Move the coefficients up.
    pub fn climb(&mut self, slab: &mut Slab, gradients: &[Gradient]) {
        for (j, gradient) in gradients.iter().enumerate() {
            if self.at == self.averages.len() {
                self.averages.push([[0.0; 2]; 3]);
            }
            let slopes = slopes(slab, j, *gradient);
            let mut step = [0.0; 3];
            for c in 0..3 {
                let [first, second] = &mut self.averages[self.at][c];
                *first += (1.0 - DECAY.0) * (slopes[c] - *first);
                *second += (1.0 - DECAY.1) * (slopes[c] * slopes[c] - *second);
                let mean = *first / (1.0 - DECAY.0.powi(self.steps));
                let square = *second / (1.0 - DECAY.1.powi(self.steps));
                step[c] = self.rate * mean / (square.sqrt() + 1e-8);
            }
            let odds = logit(slab.alpha[j].clamp(1e-13, 1.0 - 1e-13));
            slab.alpha[j] = logistic((odds + step[0]).clamp(-SURE, SURE));
            if slab.prior_odds().is_infinite() {
                slab.alpha[j] = slab.pi;
            }
            slab.mu[j] += step[1] * slab.s2[j].sqrt();
            slab.s2[j] *= step[2].exp();
            self.at += 1;
        }
    }
}

/// The gradient of the bound in the three parameters, each without the factor by which a coefficient
/// that is out does not matter. With natural parameters `a` of the slab and `p` of its prior, moments
/// `t` with covariance `F`, it is `F (dL/dt - (a - p))` in `a`.
pub fn slopes(slab: &Slab, j: usize, gradient: Gradient) -> [f64; 3] {
    let (mu, s2) = (slab.mu[j], slab.s2[j]);
    let (m1, m2) = slab.slab_moments(j);
    // The recurrence of the moments of a normal, cut or not.
    let m3 = mu * m2 + 2.0 * s2 * m1;
    let m4 = mu * m3 + 3.0 * s2 * m2;
    let (f11, f12, f22) = (m2 - m1 * m1, m3 - m1 * m2, m4 - m2 * m2);
    let force = [gradient.mean - mu / s2, gradient.second + 0.5 / s2 - 0.5 * slab.tau];
    let (g1, g2) = (f11 * force[0] + f12 * force[1], f12 * force[0] + f22 * force[1]);
    let alpha = slab.alpha[j].clamp(1e-13, 1.0 - 1e-13);
    let inclusion = gradient.mean * m1 + gradient.second * m2 - slab.slab_kl(j) + slab.prior_odds()
        - logit(alpha);
    [inclusion, g1 / s2.sqrt(), (0.5 * g2 - mu * g1) / s2]
}
