# One condition at a time: adaptive shrinkage (ash; Stephens 2017), which is mash with R = 1.
#
# x_j ~ N(b_j, s_j^2), b_j ~ sum_l pi_l N(0, w_l^2), with w_0 = 0 and the grid of mash.

#' Adaptive shrinkage, one condition at a time
#'
#' Fits each condition on its own, as a quick look or to find strong effects before [mash()]: a
#' mixture of normal distributions centred at zero by the same core as [mash()], or mixtures of
#' uniform distributions by the package ashr.
#'
#' Each condition gets its own grid, weights and log-likelihood. The standard errors enter, `V` does
#' not. With `missing = "exact"` data a condition is fitted to its observed cells, and a missing
#' cell gets the fitted prior as its posterior. Results are in the scaled units of the data (effects
#' over `Shat^alpha`, `alpha` being that of [mash_set_data()]), as in mashr.
#'
#' @param data data from [mash_set_data()], or any list with matrices `Bhat` and `Shat`.
#' @param alpha how effects scale with their standard errors, on top of what `data` are scaled by:
#'   0 or, for z-scores alike, 1.
#' @param ... for `mixcompdist = "normal"`: `gridmult`, `prior`, `nullweight`, `optmethod` and
#'   `control` as in [mash()]; `mixsd` (scales besides 0) and `pointmass` as in ashr. For uniform
#'   mixtures: arguments of `ashr::ash()`.
#' @param mixcompdist components of the prior: `"normal"`, or (by ashr, which must be installed)
#'   `"uniform"`, `"halfuniform"`, `"+uniform"`, `"-uniform"`, `"halfnormal"`.
#' @inheritParams shared_arguments
#'
#' @return An object of class `mash_1by1`: a list of `result` (J x R matrices `PosteriorMean`,
#'   `PosteriorSD` and `lfsr`), `loglik` (the sum over conditions), and `fitted_g` (for each
#'   condition the prior: a list of `pi` and `sd`, or what ashr returned), and `convergence` (as in
#'   [mash()], with a trace for each condition; `NULL` from ashr). [get_pm()],
#'   [get_psd()], [get_lfsr()], [get_loglik()], [get_significant_results()],
#'   [get_n_significant_conditions()] and [get_pairwise_sharing()] read it, and so do the usual
#'   methods: `as.data.frame()` (and `tidy()` of package generics) has a row for each effect, with
#'   `unit`, `condition`, `mean`, `sd` and `lfsr`; `plot()` draws the share of significant units
#'   by condition (by ggplot2).
#' @references Stephens (2017), Biostatistics 18, 275-294.
#' @export
#' @examples
#' set.seed(1)
#' sims <- simple_sims(nsamp = 25, err_sd = 0.5)
#' data <- mash_set_data(sims$Bhat, sims$Shat)
#' alone <- mash_1by1(data)
#' alone
#' strong <- get_significant_results(alone)
#' names(cov_pca(data, 2, subset = strong))
mash_1by1 <- function(data, alpha = 0, ..., mixcompdist = "normal", n_threads = NULL) {
  check_given()
  data <- one_by_one_data(data)
  alpha <- check_number(alpha, 0, 10)
  shapes <- c("normal", "uniform", "halfuniform", "+uniform", "-uniform", "halfnormal")
  mixcompdist <- match_choice(mixcompdist, shapes)
  n_threads <- resolve_threads(n_threads)
  if (mixcompdist == "normal") {
    fit_one <- \(x, s) ash_normal(x, s, alpha, list(...), n_threads)
  } else {
    need_ashr(mixcompdist)
    fit_one <- \(x, s) ash_by_ashr(x, s, alpha, mixcompdist, ...)
  }
  columns <- lapply(seq_len(ncol(data$Bhat)), \(r) {
    observed <- if (is.null(data$missing)) TRUE else !data$missing[, r]
    found <- fit_one(data$Bhat[observed, r], data$Shat[observed, r])
    found$result <- fill_missing(found, observed, nrow(data$Bhat))
    found
  })
  new_mash_1by1(data, columns)
}

# `data`, or a list such as simple_sims() returns.
one_by_one_data <- function(data) {
  if (inherits(data, "mash")) return(check_mash_data(data))
  if (!is.list(data) || is.null(data$Bhat)) {
    stop_mnmash(
      "type", as_typed("data"), " must come from mash_set_data(), or be a list of `Bhat` and `Shat`"
    )
  }
  typed <- list(Bhat = "data$Bhat", Shat = "data$Shat")
  known_as(typed, mash_set_data(data$Bhat, data$Shat))
}

# What `...` of mash_1by1() may hold, and ashr's defaults.
ash_defaults <- list(
  mixsd = NULL, gridmult = sqrt(2), prior = "nullbiased", nullweight = 10, pointmass = TRUE,
  optmethod = "convex", control = list()
)

# One condition, by the core.
ash_normal <- function(x, s, alpha, given, n_threads) {
  unknown <- setdiff(if (is.null(names(given))) rep("", length(given)) else names(given),
                     names(ash_defaults))
  if (length(unknown)) {
    stop_mnmash("argument", "mash_1by1() has no argument `", unknown[1L], "` for normal mixtures")
  }
  own <- ash_defaults
  own[names(given)] <- given
  one <- mash_set_data(matrix(x), matrix(s), alpha = alpha)
  # mash() gives no argument its default when it is NULL.
  grid <- if (is.null(own$mixsd)) {
    autoselect_grid(one, own$gridmult)
  } else {
    check_grid(own$mixsd, name = "mixsd")
  }
  fit <- mash(
    one, list(effect = matrix(1)), grid = grid[grid > 0], usepointmass = own$pointmass,
    prior = own$prior, nullweight = own$nullweight, optmethod = own$optmethod,
    control = own$control, verbose = FALSE, n_threads = n_threads
  )
  list(
    result = lapply(fit$result[c("PosteriorMean", "PosteriorSD", "lfsr")], as.vector),
    loglik = fit$loglik, convergence = fit$convergence,
    g = list(pi = unname(fit$fitted_g$pi), sd = c(if (own$pointmass) 0, fit$fitted_g$grid))
  )
}

need_ashr <- function(mixcompdist) {
  if (!requireNamespace("ashr", quietly = TRUE)) {
    stop_mnmash(
      "package", "`mixcompdist = \"", mixcompdist, "\"` needs the package ashr: ",
      "install.packages(\"ashr\"), or use \"normal\""
    )
  }
}

ash_by_ashr <- function(x, s, alpha, mixcompdist, ...) {
  found <- ashr::ash(x, s, mixcompdist = mixcompdist, alpha = alpha, ...)
  list(
    result = list(
      PosteriorMean = ashr::get_pm(found), PosteriorSD = ashr::get_psd(found),
      lfsr = ashr::get_lfsr(found)
    ),
    loglik = ashr::get_loglik(found), g = ashr::get_fitted_g(found)
  )
}

# A cell that was not observed has the prior as its posterior.
fill_missing <- function(found, observed, J) {
  if (isTRUE(observed)) return(found$result)
  g <- found$g
  prior <- if (is.null(g$sd)) {
    c(PosteriorMean = NA, PosteriorSD = NA, lfsr = NA) # ashr's other shapes
  } else {
    null <- sum(g$pi[g$sd == 0])
    c(PosteriorMean = 0, PosteriorSD = sqrt(sum(g$pi * g$sd^2)), lfsr = null + (1 - null) / 2)
  }
  Map(\(values, fill) replace(rep(fill, J), observed, values), found$result, prior)
}

new_mash_1by1 <- function(data, columns) {
  names <- c("PosteriorMean", "PosteriorSD", "lfsr")
  result <- lapply(stats::setNames(nm = names), \(what) {
    values <- vapply(columns, \(column) column$result[[what]], numeric(nrow(data$Bhat)))
    matrix(values, nrow(data$Bhat), dimnames = dimnames(data$Bhat))
  })
  structure(
    list(
      result = result, loglik = sum(vapply(columns, `[[`, 0, "loglik")),
      fitted_g = stats::setNames(lapply(columns, `[[`, "g"), colnames(data$Bhat)),
      convergence = if (!is.null(columns[[1L]]$convergence)) {
        endings(stats::setNames(lapply(columns, `[[`, "convergence"), colnames(data$Bhat)))
      }
    ),
    class = "mash_1by1"
  )
}

#' @param x,object a fit from `mash_1by1()`.
#' @rdname mash_1by1
#' @export
print.mash_1by1 <- function(x, ...) {
  take_dots(...)
  print(summary(x))
  invisible(x)
}

#' @inheritParams shared_arguments
#' @rdname mash_1by1
#' @export
summary.mash_1by1 <- function(object, thresh = 0.05, ...) {
  take_dots(...)
  thresh <- check_number(thresh, 0, 1)
  lfsr <- get_lfsr(object)
  structure(
    list(
      n_units = nrow(lfsr), n_conditions = ncol(lfsr), loglik = object$loglik, thresh = thresh,
      convergence = object$convergence,
      n_significant = length(get_significant_results(object, thresh)),
      by_condition = colSums(lfsr < thresh)
    ),
    class = "summary.mash_1by1"
  )
}

#' @export
print.summary.mash_1by1 <- function(x, ...) {
  take_dots(...)
  cat(
    "ash of ", counted(x$n_units, "unit"), " in ", x$n_conditions, " conditions, one at a time\n",
    "  log-likelihood ", format(x$loglik, nsmall = 2),
    if (isFALSE(x$convergence$converged)) paste0("; NOT converged: ", x$convergence$message), "\n",
    "  ", counted(x$n_significant, "unit"), " with lfsr < ", x$thresh, " in some condition\n",
    "  significant units by condition: ", describe_range(x$by_condition), "\n",
    sep = ""
  )
  invisible(x)
}

#' @rdname mash_1by1
#' @export
as.data.frame.mash_1by1 <- function(x, row.names = NULL, optional = FALSE, ...) {
  take_dots(...)
  long_table(get_pm(x), list(mean = get_pm(x), sd = get_psd(x), lfsr = get_lfsr(x)))
}

#' @rdname mash_1by1
#' @export
plot.mash_1by1 <- function(x, thresh = 0.05, file = NULL, ...) {
  take_dots(...)
  need_ggplot2()
  thresh <- check_number(thresh, 0, 1)
  lfsr <- get_lfsr(x)
  names <- condition_names(lfsr)
  shown <- data.frame(
    condition = factor(names, rev(names)), share = unname(colMeans(lfsr < thresh))
  )
  plot <- ggplot2::ggplot(shown, ggplot2::aes(.data$share, .data$condition)) +
    ggplot2::geom_col(fill = "#2a6f97", width = 0.7) +
    ggplot2::scale_x_continuous(
      labels = \(x) paste0(100 * x, "%"), expand = ggplot2::expansion(mult = c(0, 0.05))
    ) +
    ggplot2::labs(
      x = paste("units with lfsr <", thresh), y = NULL, title = "One condition at a time"
    ) +
    ggplot2::theme_minimal() +
    ggplot2::theme(
      panel.grid.major.y = ggplot2::element_blank(), plot.title.position = "plot"
    )
  picture(plot, 4.5 + label_inches(names, 9), 1.2 + 0.22 * length(names), file)
}

#' @rdname mash_1by1
#' @export
coef.mash_1by1 <- function(object, ...) {
  take_dots(...)
  get_pm(object)
}

#' @rdname mash_1by1
#' @export
nobs.mash_1by1 <- function(object, ...) {
  take_dots(...)
  nrow(get_lfsr(object))
}

#' @exportS3Method generics::tidy
tidy.mash_1by1 <- function(x, ...) {
  take_dots(...)
  as.data.frame(x)
}

#' @exportS3Method generics::glance
glance.mash_1by1 <- function(x, ...) {
  take_dots(...)
  end <- x[["convergence"]]
  data.frame(
    n_units = nrow(get_lfsr(x)), n_conditions = ncol(get_lfsr(x)), loglik = x$loglik,
    converged = end$converged %||% NA, iterations = end$iterations %||% NA_real_
  )
}
