# What one asks of a fit.

#' Summaries, coefficients and predictions of a fine-mapping fit
#'
#' `summary()` is a table with one row for each credible set and condition. `coef()` are posterior
#' means of effects, `predict()` the expected outcomes.
#'
#' The probability that an effect is there at all takes its Bayes factor and the number of effects,
#' with a beta-binomial prior: each is there with a probability that has itself a Beta(1, 2)
#' distribution.
#'
#' Errors of sets are those of the statement *a variable of this set acts here with this sign*
#' (`lfsr`, never below one minus the coverage) and of *this signal acts here* (`signal_lfsr`): see
#' [lfsr.finemap()], section Errors of sets. Earlier versions showed the lfsr of the single effect,
#' given that it is there and wherever it is, which is `lfsr(fit, "single_effect")`.
#'
#' @param object,x a fit from [finemap()].
#' @param newdata a matrix of variables as in `X` of [finemap_data()], found by name where they have
#'   names, also among others.
#' @param threshold the set acts in a condition where its lfsr is below this.
#' @param by what has a row in the table.
#' @inheritParams mr_ash-methods
#' @inheritParams shared_arguments
#'
#' @return `summary()`: a data frame of class `summary.finemap` with columns `set` (the name of the
#'   effect), `sentinel` (the most probable variable) and its `pip`, `size`, `coverage`, `purity`
#'   (smallest absolute correlation), `log_bf`, `probability`, `condition`, `effect` and `se`
#'   (posterior mean and standard deviation of the effect of the sentinel, if it is there, for the
#'   variable as given), `lfsr` (of the set), `signal_lfsr` and `active`. `coef()`: (p + 1) x R with
#'   the intercepts first, or p x R where there is none. `predict()`: a matrix with R columns.
#'   `as.data.frame()`: by `"variant"`, a row for each variable, condition, and set that the
#'   variable is in (`NA`: none), with columns `predictor`, `condition`, `set`, `pip`, `probability`
#'   (that the effect of the set is here), `effect` (the posterior mean of `coef()`), `lfsr` (of the
#'   variable), `set_lfsr` and `signal_lfsr` (of the set); by `"set"`, a row for each set, with the
#'   columns of `summary()` from `set` to `probability`; by `"set_condition"`, the rows and columns
#'   of `summary()`. All of them go to files by [write_results()]. `logLik()`: the
#'   evidence bound; `nobs()`: the number of samples, an error where it is not known or differs.
#'   `fitted()` and `residuals()` are errors: a fit holds no samples.
#' @name finemap-methods
#' @examples
#' set.seed(1)
#' X <- matrix(rbinom(300 * 50, 2, 0.3), 300)
#' Y <- X[, 7] %o% c(0.5, 0.5) + matrix(rnorm(600), 300)
#' fit <- finemap(finemap_data(X, Y), list(matrix(1, 2, 2), diag(2)))
#' summary(fit)
#' as.data.frame(fit, by = "set")
#' coef(fit)[c(1, 8), ]
#' head(predict(fit, X))
NULL

#' @rdname finemap-methods
#' @aliases summary.finemap
#' @export
summary.finemap <- function(object, threshold = 0.05, ...) {
  take_dots(...)
  threshold <- check_number(threshold, 0, 1)
  conditions <- colnames(object$lfsr)
  rows <- lapply(names(object$sets), \(l) {
    set <- object$sets[[l]]
    lead <- set$variables[[1L]]
    at <- match(lead, object$effects[[l]]$variable)
    data.frame(
      set = l, sentinel = names(object$pip)[lead], pip = object$pip[[lead]],
      size = length(set$variables), coverage = set$coverage, purity = set$purity[["min"]],
      log_bf = set$log_bf, probability = set$probability, condition = conditions,
      effect = object$effects[[l]]$mean[at, ], se = object$effects[[l]]$sd[at, ],
      lfsr = set$lfsr, signal_lfsr = set$signal_lfsr, active = set$lfsr < threshold,
      row.names = NULL
    )
  })
  out <- if (length(rows)) do.call(rbind, rows) else empty_summary()
  structure(out, class = c("summary.finemap", "data.frame"))
}

empty_summary <- function() {
  data.frame(
    set = character(), sentinel = character(), pip = numeric(), size = integer(),
    coverage = numeric(), purity = numeric(), log_bf = numeric(), probability = numeric(),
    condition = character(), effect = numeric(), se = numeric(), lfsr = numeric(),
    signal_lfsr = numeric(), active = logical()
  )
}

#' @rdname finemap-methods
#' @export
coef.finemap <- function(object, ...) {
  take_dots(...)
  if (is.null(object$intercept)) return(object$coef)
  rbind(`(Intercept)` = object$intercept, object$coef)
}

#' @rdname finemap-methods
#' @export
predict.finemap <- function(object, newdata = NULL, covariates = NULL, ...) {
  take_dots(...)
  if (is.null(newdata)) stop_no_samples("newdata")
  B <- object$coef
  # Numbers that stand for names are none.
  rownames(B) <- object$data$variables
  intercept <- if (is.null(object$intercept)) rep(0, ncol(B)) else object$intercept
  new_values(newdata, covariates, B, intercept, object$covariates, object$terms)
}

#' @rdname finemap-methods
#' @export
fitted.finemap <- function(object, ...) {
  take_dots(...)
  stop_no_samples("fitted")
}

#' @rdname finemap-methods
#' @export
residuals.finemap <- function(object, ...) {
  take_dots(...)
  stop_no_samples("residuals")
}

stop_no_samples <- function(what) {
  stop_mnmash(
    "argument", if (what == "newdata") {
      paste0(as_typed("newdata"), ", variables to predict from, is needed: ")
    } else {
      paste0(as_typed("object"), " has no ", what, "(): ")
    },
    "a fine-mapping fit holds no samples", if (what != "newdata") "; see predict(fit, X)",
    if (what == "residuals") ", and take it off the outcomes"
  )
}

#' @rdname finemap-methods
#' @export
logLik.finemap <- function(object, ...) {
  take_dots(...)
  n <- object$data$n
  bound_loglik(object$elbo[object$n_iter], NA_integer_, if (length(n) == 1L) n else NA_real_)
}

#' @rdname finemap-methods
#' @export
nobs.finemap <- function(object, ...) {
  take_dots(...)
  n <- object$data$n
  if (length(n) == 1L) return(n)
  stop_mnmash("argument", as_typed("object"), if (is.null(n)) {
    " does not know the number of samples: its data came without `n`"
  } else {
    " has no one number of samples: it differs by condition"
  })
}

#' @rdname finemap-methods
#' @export
as.data.frame.finemap <- function(x, row.names = NULL, optional = FALSE,
                                  by = c("variant", "set", "set_condition"), ...) {
  take_dots(...)
  by <- match_choice(by, c("variant", "set", "set_condition"))
  if (by == "variant") return(variant_table(x))
  table <- summary(x)
  class(table) <- "data.frame"
  if (by == "set_condition") return(table)
  table <- table[!duplicated(table$set), seq_len(match("probability", names(table))), drop = FALSE]
  rownames(table) <- NULL
  table
}

variant_table <- function(x) {
  p <- x$data$p
  members <- lapply(names(x$sets), \(l) {
    variables <- unname(x$sets[[l]]$variables)
    data.frame(at = variables, set = l, probability = unname(x$alpha[l, variables]))
  })
  others <- setdiff(seq_len(p), unlist(lapply(members, `[[`, "at")))
  rows <- do.call(rbind, c(members, list(data.frame(
    at = others, set = rep(NA_character_, length(others)),
    probability = rep(NA_real_, length(others))
  ))))
  rows <- rows[order(rows$at, match(rows$set, names(x$sets))), ]
  conditions <- colnames(x$lfsr)
  cell <- cbind(rep(rows$at, length(conditions)), rep(seq_along(conditions), each = nrow(rows)))
  of_set <- function(name) {
    if (!length(x$sets)) return(rep(NA_real_, nrow(cell)))
    all <- do.call(rbind, lapply(x$sets, `[[`, name))
    unname(all[cbind(rep(match(rows$set, names(x$sets)), length(conditions)), cell[, 2L])])
  }
  data.frame(
    predictor = names(x$pip)[cell[, 1L]], condition = conditions[cell[, 2L]],
    set = rep(rows$set, length(conditions)), pip = unname(x$pip)[cell[, 1L]],
    probability = rep(rows$probability, length(conditions)), effect = x$coef[cell],
    lfsr = x$lfsr[cell], set_lfsr = of_set("lfsr"), signal_lfsr = of_set("signal_lfsr")
  )
}

#' @rdname finemap-methods
#' @export
print.finemap <- function(x, ...) {
  take_dots(...)
  sets <- length(x$sets)
  present <- sum(x$scale > 1e-9)
  cat(
    "Fine-mapping of ", x$data$p, " variables in ", x$data$R,
    if (x$data$R == 1L) " condition: " else " conditions: ",
    present, if (present == 1L) " effect, " else " effects, ",
    sets, if (sets == 1L) " credible set\n" else " credible sets\n",
    sep = ""
  )
  shown <- summary(x)
  for (l in names(x$sets)) {
    rows <- shown[shown$set == l, ]
    active <- rows$condition[rows$active]
    cat(
      "  ", l, ": ", rows$size[1L], if (rows$size[1L] == 1L) " variable, " else " variables, ",
      "first ", rows$sentinel[1L], " (pip ", format(rows$pip[1L], digits = 3), "), purity ",
      format(rows$purity[1L], digits = 3), "; lfsr < 0.05 in ",
      describe_active(active, nrow(rows)), "\n",
      sep = ""
    )
  }
  cat(
    "ELBO ", format(x$elbo[x$n_iter], digits = 8), " after ", x$n_iter, " sweeps",
    if (!x$converged) " (not converged)", "\n",
    sep = ""
  )
  invisible(x)
}

describe_active <- function(active, conditions) {
  if (!length(active)) return("none")
  if (length(active) == conditions && conditions > 3L) return("all")
  paste0(paste(utils::head(active, 4L), collapse = ", "), and_more(length(active) - 3L))
}

#' @export
`$.finemap` <- function(x, name) exact_entry(x, name)

#' @exportS3Method generics::tidy
tidy.finemap <- function(x, ...) {
  take_dots(...)
  tidy_effects(as.data.frame(x))
}

#' @exportS3Method generics::glance
glance.finemap <- function(x, ...) {
  take_dots(...)
  data.frame(
    elbo = x$elbo[x$n_iter], effects = sum(x$scale > 1e-9), sets = length(x$sets),
    nobs = if (length(x$data$n) == 1L) x$data$n else NA_real_, predictors = x$data$p,
    conditions = x$data$R, converged = x$converged, iterations = x$n_iter
  )
}
