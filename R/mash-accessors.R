# Reading a fit: the names and meanings of mashr's (and ashr's) functions.

#' Posterior summaries of a fit
#'
#' @param m a fit from [mash()] with posteriors (`outputlevel` of at least 2).
#'
#' @return
#' - `get_pm()`, `get_psd()`: posterior means and standard deviations, J units x R conditions, in
#'   the units of `Bhat`.
#' - `get_lfsr()`: local false sign rates, the probability that the sign of the effect, once called,
#'   is wrong (or the effect is zero): `min(P(b <= 0), P(b >= 0))`.
#' - `get_lfdr()`: posterior probabilities of no effect; an error unless [mash()] was called with
#'   `output_lfdr = TRUE`.
#' - `get_np()`, `get_pp()`: posterior probabilities of a negative and of a positive effect.
#' - `get_loglik()`: the log-likelihood of the data, one number.
#' - `get_fitted_g()`: the fitted prior, a list of `pi`, `Ulist`, `grid` and `usepointmass`.
#' - `get_log10bf()`: for every unit, the base-10 logarithm of the Bayes factor of any effect
#'   against none (J x 1); an error without a point mass.
#' @references Stephens (2017), Biostatistics 18, 275-294, for lfsr.
#' @export
#' @examples
#' set.seed(1)
#' sims <- simple_sims(nsamp = 20, err_sd = 0.3)
#' data <- mash_set_data(sims$Bhat, sims$Shat)
#' m <- mash(data, cov_canonical(data), verbose = FALSE)
#' head(get_pm(m))
#' head(get_psd(m))
#' head(get_lfsr(m))
#' head(get_np(m) + get_pp(m)) # 1 less the probability of exactly zero
#' get_loglik(m)
#' head(get_log10bf(m))
#' names(get_fitted_g(m))
#' head(get_lfdr(mash(data, g = get_fitted_g(m), fixg = TRUE, output_lfdr = TRUE, verbose = FALSE)))
get_pm <- function(m) posterior_part(m, "PosteriorMean")

#' @rdname get_pm
#' @export
get_psd <- function(m) posterior_part(m, "PosteriorSD")

#' @rdname get_pm
#' @export
get_lfsr <- function(m) posterior_part(m, "lfsr")

#' @rdname get_pm
#' @export
get_lfdr <- function(m) posterior_part(m, "lfdr", "`output_lfdr = TRUE`")

#' @rdname get_pm
#' @export
get_np <- function(m) posterior_part(m, "NegativeProb")

#' @rdname get_pm
#' @export
get_pp <- function(m) posterior_part(m, "PositiveProb")

# A part of the posteriors of a fit; `by` is the argument of mash() that asks for it.
posterior_part <- function(m, what, by = NULL, name = arg_name(m)) {
  force(name)
  result <- check_fit(m, name = name)[["result"]]
  if (!is.list(result)) {
    stop_mnmash(
      "argument", as_typed(name), " holds no posteriors: fit it with `outputlevel` of at least 2"
    )
  }
  if (is.null(result[[what]])) {
    stop_mnmash(
      "argument", as_typed(name), " holds no `", what, "`",
      if (!is.null(by)) paste0(": fit it with ", by)
    )
  }
  result[[what]]
}

#' @rdname get_pm
#' @export
get_loglik <- function(m) fit_part(m, "loglik")

#' @rdname get_pm
#' @export
get_fitted_g <- function(m) fit_part(m, "fitted_g")

fit_part <- function(m, what, name = arg_name(m)) {
  force(name)
  found <- check_fit(m, name = name)[[what]]
  if (is.null(found)) stop_mnmash("argument", as_typed(name), " holds no `", what, "`")
  found
}

#' @rdname get_pm
#' @export
get_log10bf <- function(m) {
  if (is.null(check_fit(m)$null_loglik)) {
    stop_mnmash(
      "argument", as_typed("m"), " has no likelihood of the null: fit it with `usepointmass = TRUE`"
    )
  }
  (m$alt_loglik - m$null_loglik) / log(10)
}

#' Significant units and conditions
#'
#' @param m a fit from [mash()] with posteriors.
#' @param thresh units or conditions count as significant when their value is below this.
#' @param sig_fn function of `m` that returns a J x R matrix of significance, small being
#'   significant. Default: [get_lfsr()].
#' @inheritParams shared_arguments
#'
#' @return `get_significant_results()`: the row numbers of the units significant in at least one
#'   condition, most significant first, named by unit. `get_n_significant_conditions()`: for each
#'   unit, the number of conditions in which it is significant.
#' @export
#' @examples
#' set.seed(1)
#' sims <- simple_sims(nsamp = 20, err_sd = 0.3)
#' data <- mash_set_data(sims$Bhat, sims$Shat)
#' m <- mash(data, cov_canonical(data), verbose = FALSE)
#' head(get_significant_results(m))
#' table(get_n_significant_conditions(m))
get_significant_results <- function(m, thresh = 0.05, conditions = NULL, sig_fn = get_lfsr,
                                    ...) {
  take_dots(...)
  columns <- significance_columns(m, conditions, sig_fn)
  thresh <- check_number(thresh)
  top <- do.call(pmin, columns$values)
  names(top) <- columns$units
  significant <- which(top < thresh)
  significant[order(top[significant])]
}

#' @rdname get_significant_results
#' @export
get_n_significant_conditions <- function(m, thresh = 0.05, conditions = NULL, sig_fn = get_lfsr,
                                         ...) {
  take_dots(...)
  columns <- significance_columns(m, conditions, sig_fn)
  thresh <- check_number(thresh)
  count <- Reduce(`+`, lapply(columns$values, \(x) x < thresh), 0L)
  names(count) <- columns$units
  count
}

# The chosen columns as a list of vectors, and the names of the units.
significance_columns <- function(m, conditions, sig_fn) {
  values <- check_function(sig_fn)(check_fit(m))
  if (!is.numeric(values) || length(dim(values)) != 2L) {
    stop_mnmash("type", "`sig_fn` must return a matrix with a column for each condition, not ",
                class(values)[1L])
  }
  if (is.null(conditions)) conditions <- seq_len(ncol(values))
  if (!(is.numeric(conditions) || is.character(conditions) || is.logical(conditions))) {
    stop_mnmash(
      "type", as_typed("conditions"), " must be numbers or names, not ", class(conditions)[1L]
    )
  }
  columns <- if (is.character(conditions)) match(conditions, colnames(values)) else conditions
  if (is.logical(columns)) columns <- which(columns)
  bad <- which(is.na(columns) | columns < 1 | columns > ncol(values))
  if (length(bad) || !length(columns)) {
    stop_mnmash(
      "argument", as_typed("conditions"), " must pick some of the ", ncol(values), " conditions",
      if (length(bad)) paste0(", which \"", conditions[bad[1L]], "\" does not")
    )
  }
  list(values = lapply(columns, \(r) unname(values[, r])), units = rownames(values))
}

#' @rdname lfsr
#' @export
lfsr.mash <- function(x, ...) {
  take_dots(...)
  posterior_part(x, "lfsr")
}
