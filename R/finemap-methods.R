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
#' @param object,x a fit from [finemap()].
#' @param newdata a matrix of variables as in `X` of [finemap_data()].
#' @param lfsr_thresh the set has an effect in a condition where the lfsr is below this.
#' @param ... ignored.
#'
#' @return `summary()`: a data frame of class `summary.finemap` with columns `set` (the name of the
#'   effect), `sentinel` (the most probable variable) and its `pip`, `size`, `coverage`, `purity`
#'   (smallest absolute correlation), `log_bf`, `probability`, `condition`, `effect` and `se`
#'   (posterior mean and standard deviation of the effect of the sentinel, if it is there, for the
#'   variable as given), `lfsr` (of the set) and `active`. `coef()`: (p + 1) x R with the
#'   intercepts first, or p x R where there is none. `predict()`: a matrix with R columns.
#' @name finemap-methods
#' @examples
#' set.seed(1)
#' X <- matrix(rbinom(300 * 50, 2, 0.3), 300)
#' Y <- X[, 7] %o% c(0.5, 0.5) + matrix(rnorm(600), 300)
#' fit <- finemap(finemap_data(X, Y), list(matrix(1, 2, 2), diag(2)))
#' summary(fit)
#' coef(fit)[c(1, 8), ]
#' head(predict(fit, X))
NULL

#' @rdname finemap-methods
#' @aliases summary.finemap
#' @export
summary.finemap <- function(object, lfsr_thresh = 0.01, ...) {
  lfsr_thresh <- check_number(lfsr_thresh, 0, 1)
  conditions <- colnames(object$lfsr)
  rows <- lapply(names(object$sets), \(l) {
    set <- object$sets[[l]]
    lead <- set$variables[[1L]]
    at <- match(lead, object$effects[[l]]$variable)
    unit <- object$unit[lead, ]
    data.frame(
      set = l, sentinel = names(object$pip)[lead], pip = object$pip[[lead]],
      size = length(set$variables), coverage = set$coverage, purity = set$purity[["min"]],
      log_bf = set$log_bf, probability = set$probability, condition = conditions,
      effect = object$effects[[l]]$mean[at, ] * unit, se = object$effects[[l]]$sd[at, ] * unit,
      lfsr = object$set_lfsr[l, ], active = object$set_lfsr[l, ] < lfsr_thresh, row.names = NULL
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
    active = logical()
  )
}

#' @rdname finemap-methods
#' @export
coef.finemap <- function(object, ...) {
  if (is.null(object$intercept)) return(object$coef)
  rbind(`(Intercept)` = object$intercept, object$coef)
}

#' @rdname finemap-methods
#' @export
predict.finemap <- function(object, newdata, ...) {
  if (missing(newdata)) stop_mnmash("argument", "`newdata`, variables to predict from, is needed")
  newdata <- complete_matrix(newdata, "newdata")
  if (ncol(newdata) != object$data$p) {
    stop_mnmash("dimension", "`newdata` must have ", object$data$p, " columns, not ", ncol(newdata))
  }
  check_same_variables(colnames(newdata), object$data$variables, "newdata", "object")
  out <- newdata %*% object$coef
  if (is.null(object$intercept)) out else out + rep(object$intercept, each = nrow(out))
}

#' @rdname finemap-methods
#' @export
print.finemap <- function(x, ...) {
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
      format(rows$purity[1L], digits = 3), "; lfsr < 0.01 in ",
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
