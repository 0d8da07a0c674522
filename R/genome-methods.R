# What one asks of a genome.

#' Methods of genome-wide fits
#'
#' `as.data.frame()` gives the tables of the fit of [mnm()], `predict()` the values of new samples,
#' `coef()` the effects of all variants, region by region; `summary()` counts what was found in each
#' condition, and [plot.mnm()] shows the prior and how the bound rose.
#'
#' Predictions are those of the regressions, all variants together, in the units of the responses
#' (of summary statistics without `Bhat`, in standard deviations of them), at covariates of zero.
#' Samples of new genotypes need not be those of the fit; genotypes in PLINK's files are read region
#' by region.
#'
#' @param x,object a fit of [mnm()].
#' @param what the table: `"effects"` (of all variants), `"calls"` (sets by condition), `"sets"`,
#'   `"variants"` (of the sets), `"regions"`, `"failures"` or `"trace"`.
#' @param row.names,optional not used.
#' @param newdata genotypes, samples x variants, with names, of the variants of all regions: a
#'   matrix, a sparse matrix, or the name of a file as of [read_genotypes()]; or a list of matrices
#'   with the names of the regions. Variants that it lacks are an error; regions that a list lacks
#'   are left out.
#' @param total add up the regions, as for blocks of a genome: a matrix of samples x conditions.
#' @param threshold conditions with an lfsr below this count.
#' @inheritParams shared_arguments
#'
#' @return `as.data.frame()`: a data frame. `predict()`: a list with a matrix (samples x conditions)
#'   for each region, or one matrix. `coef()`: a list of p x R matrices. `summary()`: a data frame
#'   of `condition`, `sets` (with an lfsr below `threshold`) and `regions` with such sets, and
#'   attributes. `tidy()` is the table of calls, `glance()` has one row for the fit, `logLik()` is
#'   the bound.
#' @name mnm-methods
#' @examples
#' genes <- lapply(1:12, \(seed) {
#'   simulate_mr_mash(n = 100, p = 30, p_causal = 2, r = 2, pve = 0.4, seed = seed)[c("X", "Y")]
#' })
#' names(genes) <- paste0("gene", 1:12)
#' fit <- mnm(genes, rounds = 1)
#' summary(fit)
#' new <- list(gene3 = genes$gene3$X[1:4, ])
#' predict(fit, new)
NULL

mnm_tables <- c("effects", "calls", "sets", "variants", "regions", "failures", "trace")

#' @rdname mnm-methods
#' @export
as.data.frame.mnm <- function(x, row.names = NULL, optional = FALSE, what = mnm_tables, ...) {
  take_dots(...)
  what <- match_choice(what, mnm_tables)
  if (is.null(x[[what]])) {
    stop_mnmash(
      "argument", "`x` has no ", what, ": fit it with `", if (what == "effects") "effects" else
        "finemap", " = TRUE`"
    )
  }
  if (what != "effects") return(x[[what]])
  rows <- lapply(names(x$effects), \(name) {
    region <- x$effects[[name]]
    p <- nrow(region$effect)
    r <- ncol(region$effect)
    data.frame(
      region = rep(name, p * r), variant = rep(rownames(region$effect), r),
      condition = rep(colnames(region$effect), each = p), effect = as.double(region$effect),
      sd = as.double(region$sd), lfsr = as.double(region$lfsr)
    )
  })
  do.call(rbind, rows)
}

effects_of_fit <- function(object) {
  if (is.null(object$effects)) {
    stop_mnmash("argument", "`object` has no effects: fit it with `effects = TRUE`")
  }
  object$effects
}

#' @rdname mnm-methods
#' @export
coef.mnm <- function(object, ...) {
  take_dots(...)
  lapply(effects_of_fit(object), `[[`, "effect")
}

#' @rdname mnm-methods
#' @export
predict.mnm <- function(object, newdata, total = FALSE, ...) {
  take_dots(...)
  if (missing(newdata)) {
    stop_mnmash("argument", as_typed("newdata"), ", genotypes of new samples, is needed")
  }
  check_flag(total)
  effects <- effects_of_fit(object)
  genotypes <- genotypes_by_region(newdata, effects)
  out <- lapply(stats::setNames(nm = genotypes$names), \(name) {
    region <- effects[[name]]
    X <- genotypes$read(name)
    r <- ncol(region$effect)
    values <- predictor_values(X, unname(region$effect))
    if (!is.null(region$intercept)) values <- values + rep(region$intercept, each = X$n)
    dimnames(values) <- list(X$samples, colnames(region$effect))
    values
  })
  if (!total) return(out)
  sum <- matrix(
    0, nrow(out[[1L]]), length(object$conditions),
    dimnames = list(rownames(out[[1L]]), object$conditions)
  )
  for (values in out) sum[, colnames(values)] <- sum[, colnames(values)] + values
  sum
}

# Which regions there are genotypes of, and a function that reads one.
genotypes_by_region <- function(newdata, effects) {
  own <- \(name) rownames(effects[[name]]$effect)
  p <- \(name) nrow(effects[[name]]$effect)
  if (is.list(newdata) && !is.data.frame(newdata)) {
    newdata <- named_regions(newdata, "newdata")
    unknown <- setdiff(names(newdata), names(effects))
    if (length(unknown)) {
      stop_mnmash("names", "`newdata`: the fit has no region \"", unknown[1L], "\"")
    }
    return(list(
      names = intersect(names(effects), names(newdata)),
      read = \(name) new_predictors(newdata[[name]], p(name), own(name))
    ))
  }
  if (is_file_name(newdata) && is_plink(newdata)) {
    known <- index_plink(sub("[.]bed$", "", newdata))
    read <- \(name) {
      at <- align_to(known$names, own(name), "newdata", "variant", to = "the fit", more = "silent")
      order <- order(at)
      X <- unpacked(packed_bytes(known, at[order]), length(known$samples))
      X <- put_in_means(X)[, order(order), drop = FALSE]
      dimnames(X) <- list(known$samples, own(name))
      new_predictors(X, p(name), own(name))
    }
    return(list(names = names(effects), read = read))
  }
  X <- if (is_file_name(newdata)) put_in_means(read_genotypes(newdata)) else newdata
  variants <- colnames(X)
  if (is.null(variants)) {
    stop_mnmash("names", "`newdata` must have the names of the variants as its column names")
  }
  read <- \(name) {
    at <- align_to(variants, own(name), "newdata", "variant", to = "the fit", more = "silent")
    new_predictors(X[, at, drop = FALSE], p(name), own(name))
  }
  list(names = names(effects), read = read)
}

#' @rdname mnm-methods
#' @export
print.mnm <- function(x, ...) {
  take_dots(...)
  trace <- x$trace[x$trace$kept, ]
  cat(
    "Genome-wide m&m: ", counted(nrow(x$regions), "region"), ", ",
    number(sum(x$regions$p)), " variants, ", counted(length(x$conditions), "condition"), "\n",
    "Prior: ", length(collapsed_prior(x$prior)$w), " matrices", sep = ""
  )
  cat(
    if (max(trace$round) > 0) paste0(", learnt in ", counted(max(trace$round), "round")),
    "; share of variants with an effect ", format(1 - x$prior$null_weight, digits = 3), "\n",
    "Bound ", format(trace$bound[nrow(trace)], digits = 10), " after ", nrow(x$trace),
    " passes (", format(trace$bound[1L], digits = 10), " at first); ", x$convergence$message,
    "\n", sep = ""
  )
  if (!is.null(x$sets)) {
    cat(
      counted(nrow(x$sets), "credible set"), " in ", length(unique(x$sets$region)), " regions, ",
      "with ", sum(x$calls$lfsr < 0.05), " effects at lfsr < 0.05\n", sep = ""
    )
  }
  print_failures(x$failures)
  invisible(x)
}

#' @rdname mnm-methods
#' @export
summary.mnm <- function(object, threshold = 0.05, ...) {
  take_dots(...)
  threshold <- check_number(threshold, 0, 1)
  calls <- as.data.frame(object, what = "calls")
  calls <- calls[calls$lfsr < threshold, ]
  by <- factor(calls$condition, object$conditions)
  out <- data.frame(
    condition = object$conditions, sets = as.integer(table(by)),
    regions = as.integer(table(by[!duplicated(calls[c("region", "condition")])]))
  )
  structure(out, n_sets = nrow(object$sets), n_regions = nrow(object$regions))
}

#' @exportS3Method generics::tidy
tidy.mnm <- function(x, ...) {
  take_dots(...)
  as.data.frame(x, what = "calls")
}

#' @exportS3Method generics::glance
glance.mnm <- function(x, ...) {
  take_dots(...)
  data.frame(
    elbo = x$trace$bound[nrow(x$trace)], null_weight = x$prior$null_weight,
    regions = nrow(x$regions), variants = sum(x$regions$p), conditions = length(x$conditions),
    sets = if (is.null(x$sets)) NA_integer_ else nrow(x$sets), failures = nrow(x$failures),
    converged = x$convergence$converged, iterations = x$convergence$iterations
  )
}

#' @rdname mnm-methods
#' @export
logLik.mnm <- function(object, ...) {
  take_dots(...)
  bound_loglik(object$trace$bound[nrow(object$trace)], NA_integer_, NA_real_)
}

#' @export
`$.mnm` <- function(x, name) exact_entry(x, name)
