# Written by tools/document.R from the Rust source: do not edit by hand.
# nolint start

rust_cores <- function() .Call(wrap__rust_cores)

rust_ed <- function(x, s, missing, v, start, control, weights, n_threads, progress) .Call(wrap__rust_ed, x, s, missing, v, start, control, weights, n_threads, progress)

rust_ed_projected <- function(x, noise, diagonal, map, effects, start, control, weights, n_threads, progress) .Call(wrap__rust_ed_projected, x, noise, diagonal, map, effects, start, control, weights, n_threads, progress)

rust_factorise <- function(y, se, estimate, nonneg, max_factors, max_iter, tol, backfit, progress) .Call(wrap__rust_factorise, y, se, estimate, nonneg, max_factors, max_iter, tol, backfit, progress)

rust_enrich_single <- function(starts, annotations, penalty, log_bf, start, offset, tol, max_iter, n_threads, progress) .Call(wrap__rust_enrich_single, starts, annotations, penalty, log_bf, start, offset, tol, max_iter, n_threads, progress)

rust_enrich_places <- function(starts, annotations, penalty, weight, start, n_threads) .Call(wrap__rust_enrich_places, starts, annotations, penalty, weight, start, n_threads)

rust_association <- function(z, v, n, variance, sigma, gamma, n_threads, progress) .Call(wrap__rust_association, z, v, n, variance, sigma, gamma, n_threads, progress)

rust_association_over_scales <- function(log_bf, units, weights, n_threads) .Call(wrap__rust_association_over_scales, log_bf, units, weights, n_threads)

rust_qc <- function(z, ld, n_threads) .Call(wrap__rust_qc, z, ld, n_threads)

rust_asymmetry <- function(x) .Call(wrap__rust_asymmetry, x)

rust_check_psd <- function(x, slack, name) .Call(wrap__rust_check_psd, x, slack, name)

rust_finemap_rows <- function(x, y, v, intercept, standardize, memory, task) .Call(wrap__rust_finemap_rows, x, y, v, intercept, standardize, memory, task)

rust_finemap_products <- function(gram, scale, xty, yty, samples, v, task) .Call(wrap__rust_finemap_products, gram, scale, xty, yty, samples, v, task)

rust_credible_sets <- function(alpha, coverage) .Call(wrap__rust_credible_sets, alpha, coverage)

rust_purity <- function(correlation) .Call(wrap__rust_purity, correlation)

rust_fqtl <- function(x, y, covariates, precision, offset, weights, masks, family, left, nonneg, hypers, limits, seed, n_threads, progress) .Call(wrap__rust_fqtl, x, y, covariates, precision, offset, weights, masks, family, left, nonneg, hypers, limits, seed, n_threads, progress)

rust_loglik <- function(x, s, missing, v, ulist, grid, pointmass, n_threads, progress) .Call(wrap__rust_loglik, x, s, missing, v, ulist, grid, pointmass, n_threads, progress)

rust_logistic <- function(x, y, basis, inclusion, slab, slab_prior, b, order, tol, max_iter, n_threads, progress) .Call(wrap__rust_logistic, x, y, basis, inclusion, slab, slab_prior, b, order, tol, max_iter, n_threads, progress)

rust_mash_fit <- function(x, s, missing, v, ulist, grid, pointmass, prior, start, tol, max_iter, memory, n_threads, progress) .Call(wrap__rust_mash_fit, x, s, missing, v, ulist, grid, pointmass, prior, start, tol, max_iter, memory, n_threads, progress)

rust_error_moment <- function(x, s, missing, v, ulist, grid, pointmass, active, weights, n_threads, progress) .Call(wrap__rust_error_moment, x, s, missing, v, ulist, grid, pointmass, active, weights, n_threads, progress)

rust_newton_step <- function(hessian, g, x) .Call(wrap__rust_newton_step, hessian, g, x)

rust_random_effects <- function(y, v, restricted) .Call(wrap__rust_random_effects, y, v, restricted)

rust_weight_sums <- function(x, s, missing, v, ulist, grid, pointmass, pi, columns, floor, n_threads, progress) .Call(wrap__rust_weight_sums, x, s, missing, v, ulist, grid, pointmass, pi, columns, floor, n_threads, progress)

rust_mixture_summary <- function(x, s, missing, v, ulist, grid, pointmass, pi, pi_thresh, n_threads, progress) .Call(wrap__rust_mixture_summary, x, s, missing, v, ulist, grid, pointmass, pi, pi_thresh, n_threads, progress)

rust_mr_ash <- function(design, y, total, standardize, grid, relative, pi, sigma2, b, order, dirichlet, update_pi, update_sigma2, slab, tol, max_iter, n_threads, progress) .Call(wrap__rust_mr_ash, design, y, total, standardize, grid, relative, pi, sigma2, b, order, dirichlet, update_pi, update_sigma2, slab, tol, max_iter, n_threads, progress)

rust_mr_mash <- function(design, y, order, standardize, start, prior, residual, update, control, n_threads, progress) .Call(wrap__rust_mr_mash, design, y, order, standardize, start, prior, residual, update, control, n_threads, progress)

rust_mr_mash_log_bf <- function(design, y, standardize, prior, residual, n_threads) .Call(wrap__rust_mr_mash_log_bf, design, y, standardize, prior, residual, n_threads)

rust_mr_mash_posterior <- function(statistics, precision, prior, residual, covariance, n_threads) .Call(wrap__rust_mr_mash_posterior, statistics, precision, prior, residual, covariance, n_threads)

rust_posterior <- function(x, s, missing, v, scale, a, ulist, grid, pointmass, active, weights, covariance, n_threads, progress) .Call(wrap__rust_posterior, x, s, missing, v, scale, a, ulist, grid, pointmass, active, weights, covariance, n_threads, progress)

rust_posterior_samples <- function(x, s, missing, v, scale, a, ulist, grid, pointmass, active, weights, n_samples, seed, first_row, n_threads, progress) .Call(wrap__rust_posterior_samples, x, s, missing, v, scale, a, ulist, grid, pointmass, active, weights, n_samples, seed, first_row, n_threads, progress)

rust_pairwise_sharing <- function(pm, lfsr, factor, lfsr_thresh, n_threads) .Call(wrap__rust_pairwise_sharing, pm, lfsr, factor, lfsr_thresh, n_threads)

rust_sampled_sharing <- function(samples, lfsr, factor, lfsr_thresh, n_threads, progress) .Call(wrap__rust_sampled_sharing, samples, lfsr, factor, lfsr_thresh, n_threads, progress)

rust_ud_fit <- function(x, s, missing, v, ulist, shapes, weights, choices, numbers, flags, n_threads, progress) .Call(wrap__rust_ud_fit, x, s, missing, v, ulist, shapes, weights, choices, numbers, flags, n_threads, progress)

rust_pairwise_moments <- function(z, inside) .Call(wrap__rust_pairwise_moments, z, inside)

rust_untruncated <- function(n, cov, var, t, unit, n_threads) .Call(wrap__rust_untruncated, n, cov, var, t, unit, n_threads)

rust_shrunken_correlation <- function(n, cov, var, fewest, nullweight, n_threads) .Call(wrap__rust_shrunken_correlation, n, cov, var, fewest, nullweight, n_threads)

rust_nearest_correlation <- function(a, smallest) .Call(wrap__rust_nearest_correlation, a, smallest)

rust_repair_correlation <- function(v, smallest) .Call(wrap__rust_repair_correlation, v, smallest)

rust_mixture_weights <- function(loglik, prior, start, row_weights, tol, max_iter, method, n_threads, progress) .Call(wrap__rust_mixture_weights, loglik, prior, start, row_weights, tol, max_iter, method, n_threads, progress)
# nolint end
