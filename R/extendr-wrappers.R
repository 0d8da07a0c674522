# Written by tools/document.R from the Rust source: do not edit by hand.
# nolint start

rust_cores <- function() .Call(wrap__rust_cores)

rust_flush_file <- function(path) .Call(wrap__rust_flush_file, path)

rust_reason <- function(stop) .Call(wrap__rust_reason, stop)

rust_qc <- function(statistics, run) .Call(wrap__rust_qc, statistics, run)

rust_deconvolved <- function(predictors, responses, noise, start, run) .Call(wrap__rust_deconvolved, predictors, responses, noise, start, run)

rust_ed <- function(measurements, start, control, run) .Call(wrap__rust_ed, measurements, start, control, run)

rust_ed_projected <- function(measurements, start, control, run) .Call(wrap__rust_ed_projected, measurements, start, control, run)

rust_factorise <- function(measurements, control, run) .Call(wrap__rust_factorise, measurements, control, run)

rust_enrich_single <- function(loci, evidence, control, run) .Call(wrap__rust_enrich_single, loci, evidence, control, run)

rust_enrich_places <- function(loci, evidence, control, run) .Call(wrap__rust_enrich_places, loci, evidence, control, run)

rust_association <- function(statistics, models, scales, run) .Call(wrap__rust_association, statistics, models, scales, run)

rust_associate <- function(statistics, models, scales, weights, run) .Call(wrap__rust_associate, statistics, models, scales, weights, run)

rust_associate_factors <- function(log_bf, models, weights, run) .Call(wrap__rust_associate_factors, log_bf, models, weights, run)

rust_finemap <- function(predictors, responses, noise, prior, control, run) .Call(wrap__rust_finemap, predictors, responses, noise, prior, control, run)

rust_effect_absence <- function(evidence) .Call(wrap__rust_effect_absence, evidence)

rust_set_errors <- function(effects, sets, evidence, prior, control, run) .Call(wrap__rust_set_errors, effects, sets, evidence, prior, control, run)

rust_set_sharing <- function(places, prior, control, run) .Call(wrap__rust_set_sharing, places, prior, control, run)

rust_credible_sets <- function(alpha, control) .Call(wrap__rust_credible_sets, alpha, control)

rust_purity <- function(correlation) .Call(wrap__rust_purity, correlation)

rust_fqtl <- function(predictors, responses, family, prior, control, run) .Call(wrap__rust_fqtl, predictors, responses, family, prior, control, run)

rust_mnm_regress <- function(regions, prior, noise, size, control, run) .Call(wrap__rust_mnm_regress, regions, prior, noise, size, control, run)

rust_loglik <- function(measurements, prior, run) .Call(wrap__rust_loglik, measurements, prior, run)

rust_logistic <- function(predictors, responses, prior, start, control, run) .Call(wrap__rust_logistic, predictors, responses, prior, start, control, run)

rust_error_moment <- function(measurements, prior, task, run) .Call(wrap__rust_error_moment, measurements, prior, task, run)

rust_random_effects <- function(estimates, control) .Call(wrap__rust_random_effects, estimates, control)

rust_mash <- function(measurements, prior, fit, task, draw, run) .Call(wrap__rust_mash, measurements, prior, fit, task, draw, run)

rust_weight_sums <- function(measurements, prior, point, run) .Call(wrap__rust_weight_sums, measurements, prior, point, run)

rust_mr_ash <- function(predictors, responses, prior, noise, start, control, run) .Call(wrap__rust_mr_ash, predictors, responses, prior, noise, start, control, run)

rust_mr_mash <- function(predictors, responses, prior, noise, start, control, run) .Call(wrap__rust_mr_mash, predictors, responses, prior, noise, start, control, run)

rust_mr_mash_log_bf <- function(predictors, responses, prior, noise, control, run) .Call(wrap__rust_mr_mash_log_bf, predictors, responses, prior, noise, control, run)

rust_mr_mash_posterior <- function(rows, prior, noise, task, run) .Call(wrap__rust_mr_mash_posterior, rows, prior, noise, task, run)

rust_product_weights <- function(measurements, control, run) .Call(wrap__rust_product_weights, measurements, control, run)

rust_product_loglik <- function(measurements, product, run) .Call(wrap__rust_product_loglik, measurements, product, run)

rust_pairwise_sharing <- function(posterior, control, run) .Call(wrap__rust_pairwise_sharing, posterior, control, run)

rust_sampled_sharing <- function(posterior, control, run) .Call(wrap__rust_sampled_sharing, posterior, control, run)

rust_asymmetry <- function(x) .Call(wrap__rust_asymmetry, x)

rust_repair_ld <- function(x, control, run) .Call(wrap__rust_repair_ld, x, control, run)

rust_ud_fit <- function(measurements, components, weights, control, run) .Call(wrap__rust_ud_fit, measurements, components, weights, control, run)

rust_ud_shrunk <- function(measurements, start, control, run) .Call(wrap__rust_ud_shrunk, measurements, start, control, run)

rust_pairwise_moments <- function(cells) .Call(wrap__rust_pairwise_moments, cells)

rust_untruncated <- function(moments, control, run) .Call(wrap__rust_untruncated, moments, control, run)

rust_shrunken_correlation <- function(moments, control, run) .Call(wrap__rust_shrunken_correlation, moments, control, run)

rust_nearest_correlation <- function(v, control) .Call(wrap__rust_nearest_correlation, v, control)

rust_repair_correlation <- function(v, control) .Call(wrap__rust_repair_correlation, v, control)

rust_v_step <- function(v, moment, control) .Call(wrap__rust_v_step, v, moment, control)

rust_mixture_weights <- function(loglik, control, run) .Call(wrap__rust_mixture_weights, loglik, control, run)

rust_mixture_weights_by_passes <- function(start, sums, control) .Call(wrap__rust_mixture_weights_by_passes, start, sums, control)
# nolint end
