# Methods of class "mash" that look at data and fits. As in mashr both have this class: ours say
# which they are by another before it, those of mashr by what is in them.

#' Look at mash data and fits
#'
#' `print()` and `summary()` say in words what was measured, fitted and found; `as.data.frame()`
#' lists effects, or their posteriors, in long form.
#'
#' @param x,object a fit from [mash()]; `print()`, `summary()` and `as.data.frame()` take data from
#'   [mash_set_data()] too.
#' @param data the data that the fit was made with: adds the interval of the null's weight that they
#'   allow for (see [mash()]), which is there anyway where the prior was learnt with the fit.
#' @inheritParams shared_arguments
#'
#' @return `summary()`: of a fit an object of class `summary.mash`, a list of the numbers it prints,
#'   among them `deficient`, the weight of matrices under which the effects in some conditions fix
#'   those in others (their rank is smaller than the number of conditions with effects), and
#'   `rank_one`, where that in one fixes all others; of data the data. `as.data.frame()`: a data
#'   frame with one row for each effect, all units of the first condition first: `unit`, `condition`
#'   (names, or numbers where there are none); of a fit `mean`, `sd` (in the units of `Bhat`) and
#'   `lfsr`, of data `effect`, `se` (both in these units) and `z`, `NA` where missing.
#' @seealso [mash_fit-methods] for `coef()`, `predict()` and what else fits answer
#' @name mash-methods
#' @examples
#' set.seed(1)
#' sims <- simple_sims(nsamp = 20, err_sd = 0.3)
#' data <- mash_set_data(sims$Bhat, sims$Shat)
#' data
#' head(as.data.frame(data))
#' m <- mash(data, cov_canonical(data), verbose = FALSE)
#' summary(m)
#' head(as.data.frame(m))
NULL

#' @rdname mash-methods
#' @export
print.mash <- function(x, ...) {
  take_dots(...)
  if (is_mash_data(x)) print_mash_data(x) else print_mash_fit(x)
  invisible(x)
}

#' @rdname mash-methods
#' @export
summary.mash <- function(object, thresh = 0.05, data = NULL, ...) {
  take_dots(...)
  if (is_mash_data(object)) {
    print_mash_data(object)
    return(invisible(object))
  }
  g <- fit_part(object, "fitted_g")
  interval <- if (is.null(data)) object$null_interval else fitted_null_interval(object, data)
  tied <- tied_weight(object)
  found <- list(
    n_units = if (is.null(object$vloglik)) object$n_units else length(object$vloglik),
    n_conditions = nrow(object$fitted_g$Ulist[[1L]]),
    n_components = n_weights(object$fitted_g), loglik = object$loglik, alpha = object$alpha,
    convergence = object$convergence, pi = largest_weights(object),
    null_interval = interval, deficient = tied[["deficient"]], rank_one = tied[["rank_one"]],
    learnt = object$learnt, lfsr_map = g$lfsr_map, folds = object$folds,
    product = g$product$weight, thresh = thresh,
    # There is an interval to be had.
    unasked = is.null(data) && g$usepointmass && sum(g$pi) > 0 && !is.null(object$convergence)
  )
  if (!is.null(object$result)) {
    found$n_significant <- length(get_significant_results(object, thresh))
    found$by_condition <- colSums(get_lfsr(object) < thresh)
  }
  structure(found, class = "summary.mash")
}

# The weights of matrices under which the effects in some conditions fix those in others, and of
# those where one fixes all.
tied_weight <- function(m) {
  g <- m$fitted_g
  weight <- get_estimated_pi(m)[g$usepointmass + seq_along(g$Ulist)]
  used <- which(weight > 1e-3)
  conditions <- vapply(g$Ulist[used], \(U) sum(diag(U) > 0), 0L)
  rank <- vapply(g$Ulist[used], covariance_rank, 0L)
  weight <- weight[used]
  c(deficient = sum(weight[rank < conditions]), rank_one = sum(weight[rank == 1 & conditions > 1]))
}

#' @rdname mash-methods
#' @export
print.summary.mash <- function(x, ...) {
  take_dots(...)
  cat("mash fit of ", describe_units(x$n_units, x$n_conditions, x$alpha), "\n", sep = "")
  cat(
    "  log-likelihood ", format(x$loglik, nsmall = 2), "; ", x$n_components, " components, ",
    describe_convergence(x$convergence), "\n",
    sep = ""
  )
  cat("  weights by covariance:\n")
  large <- utils::head(x$pi[x$pi >= 0.005], 10L)
  rest <- sum(x$pi) - sum(large)
  if (rest > 5e-4) large <- c(large, "(others)" = rest)
  cat(sprintf("    %s %5.1f%%\n", format(names(large)), 100 * large), sep = "")
  percent <- \(w) paste0(round(100 * w), "%")
  if (!is.null(x$product)) {
    cat("  product: effects are independent between conditions, each of them zero or not\n")
  }
  if (!is.null(x$null_interval)) {
    cat("  null: the data allow for ", percent(x$null_interval[1L]), " to ",
        percent(x$null_interval[2L]), ": it is no share of null units\n", sep = "")
  } else if (x$unasked) {
    cat("  null: no share of null units; summary(fit, data = data) says what the data allow for\n")
  }
  say_few_strong(x$learnt, x$n_conditions, x$lfsr_map)
  if (isTRUE(x$folds > 0)) {
    cat(
      "  posteriors of each of ", x$folds,
      " parts of the units are under the prior that the others ",
      "teach\n", sep = ""
    )
  }
  if (x$deficient >= 0.005) {
    cat(
      "  ", percent(x$deficient), " of the weight is on matrices of deficient rank",
      if (x$rank_one >= 0.005) paste0(" (", percent(x$rank_one), " of rank one)"),
      ", which tie effects to\n  one another as if they were exactly proportional: see ",
      "add_ridge()\n", sep = ""
    )
  }
  if (!is.null(x$n_significant) && !is.null(x$by_condition)) {
    cat(
      "  ", counted(x$n_significant, "unit"), " with lfsr < ", x$thresh, " in some condition (",
      round(100 * x$n_significant / x$n_units), "%)\n",
      sep = ""
    )
    cat("  significant units by condition: ", describe_range(x$by_condition), "\n", sep = "")
  }
  invisible(x)
}

#' @rdname mash-methods
#' @export
as.data.frame.mash <- function(x, row.names = NULL, optional = FALSE, ...) {
  take_dots(...)
  if (!is_mash_data(x)) {
    part <- \(what) posterior_part(x, what, name = "x")
    mean <- part("PosteriorMean")
    return(long_table(mean, list(mean = mean, sd = part("PosteriorSD"), lfsr = part("lfsr"))))
  }
  se <- x$Shat * x$Shat_alpha
  values <- list(effect = x$Bhat * x$Shat_alpha, se = se, z = x$Bhat / x$Shat)
  if (!is.null(x$missing)) values <- lapply(values, replace, x$missing, NA)
  long_table(x$Bhat, values)
}

# Matrices of units x conditions as columns, all units of the first condition first.
long_table <- function(like, values) {
  units <- if (is.null(rownames(like))) seq_len(nrow(like)) else rownames(like)
  conditions <- if (is.null(colnames(like))) seq_len(ncol(like)) else colnames(like)
  data.frame(
    unit = rep(units, ncol(like)), condition = rep(conditions, each = nrow(like)),
    lapply(values, as.vector)
  )
}

print_mash_data <- function(x) {
  cat("mash data: ", describe_units(nrow(x$Bhat), ncol(x$Bhat), x$alpha), "\n", sep = "")
  cat("  residual correlation: ", describe_correlation(x), "\n", sep = "")
  if (!is.null(x$missing)) {
    cat(
      "  missing: ", number(sum(x$missing)), " values (",
      format(100 * mean(x$missing), digits = 2), "%), integrated out\n",
      sep = ""
    )
  }
}

print_mash_fit <- function(x) {
  print(summary(x))
  parts <- c(
    if (!is.null(x$result)) "get_pm(), get_lfsr(), as.data.frame(), plot()",
    "get_estimated_pi()"
  )
  cat("  see ", paste(parts, collapse = ", "), "\n", sep = "")
}

describe_units <- function(J, R, alpha) {
  paste0(counted(J, "unit"), " in ", R, " conditions (", describe_alpha(alpha), ")")
}

describe_alpha <- function(alpha) {
  if (alpha == 0) {
    "exchangeable effects"
  } else if (alpha == 1) {
    "exchangeable z-scores"
  } else {
    paste("alpha =", alpha)
  }
}

describe_correlation <- function(data) {
  if (length(dim(data$V)) == 3L) return("differs by unit")
  off <- data$V[upper.tri(data$V)]
  if (!length(off) || all(off == 0)) return("none")
  paste0("common, ", format(min(off), digits = 2), " to ", format(max(off), digits = 2))
}

describe_convergence <- function(convergence) {
  if (is.null(convergence)) return("weights given")
  paste0(
    if (convergence$converged) "converged" else "NOT converged", " in ", convergence$iterations,
    " iterations (KKT residual ", format(convergence$kkt, digits = 2), ")"
  )
}

describe_range <- function(counts) {
  if (length(counts) == 1L) return(number(counts))
  if (min(counts) == max(counts)) return(paste(number(counts[[1L]]), "in each"))
  label <- function(i) {
    paste0(number(counts[i]), if (!is.null(names(counts))) paste0(" (", names(counts)[i], ")"))
  }
  paste(label(which.min(counts)), "to", label(which.max(counts)))
}
