# Do z-scores and correlations belong together?

#' Check z-scores against correlations of the variables
#'
#' Estimates how far z-scores and `LD` disagree, finds the variables where they do, among them
#' those whose alleles seem to be swapped, and repairs `LD` that has negative eigenvalues.
#'
#' Without effects, or with many small ones, `z ~ N(0, (1 - s) LD + s I)` with `s = 0` if `LD` is
#' the correlation matrix of the samples. `s` is estimated by maximum likelihood; values well above
#' zero are a warning sign. Given all other z-scores, each has then a conditional normal
#' distribution. It is an outlier where its distance from the expectation is improbable (two-sided
#' p-value, Bonferroni over variables, below `alpha`). Of outliers with `|z| > 2`, those that would
#' fit well with the other sign (a log likelihood ratio above 2 in favour) are called flips. Strong
#' effects of badly tagged variables are outliers too: look before you drop.
#'
#' The eigenvectors of `LD` are not computed: the likelihood of `s` comes from `LD` turned into a
#' band (4/3 p^3 operations), predictions from a Cholesky factor for each `s` that is used (2/3 p^3;
#' an `s` below 1e-4 counts as 1e-4). 5,000 variables take some seconds. The band of 2,000 or more
#' variables is of single precision: an `s` that this does not tell from zero (below 1e-4 or so) is
#' zero, others are corrected by the slope of the likelihood in doubles. Only `LD` with negative
#' eigenvalues beyond rounding needs its eigenvectors to be repaired, which takes ten times as long.
#'
#' With `n`, z-scores are adjusted first, as in [finemap_sumstats()], each by its own number of
#' samples where they differ. Variables measured in other samples than their neighbours correlate
#' less with them than `LD` says: they show up as outliers.
#'
#' @param Z p z-scores, or a p x R matrix: conditions are checked one by one.
#' @param n number of samples: one, one for each condition (matched by name), or one for each
#'   z-score (p numbers matched by the names of the variables, or p x R).
#' @param alpha level at which a variable is an outlier.
#' @inheritParams shared_arguments
#'
#' @return An object of class `qc_sumstats`, a list of
#' - `s`: R estimates;
#' - `variables`: a data frame with a row for each variable and condition: `predictor`, `condition`,
#'   `z` (adjusted), `expected`, `sd`, `p_value`, `outlier`, `flip`;
#' - `LD`: the matrix, of the variables of `Z` in their order, with negative eigenvalues set to zero
#'   and a diagonal of one if it had any;
#' - `least_eigenvalue` before the repair; zero if it is negative by rounding only.
#' @references Zou, Carbonetto, Wang and Stephens (2022), PLoS Genetics 18, e1010299.
#' @seealso [finemap_sumstats()]; [finemap()] for what fits themselves find (section Contradictions)
#' @export
#' @examples
#' set.seed(1)
#' X <- matrix(rnorm(500 * 30), 500)
#' for (j in 2:30) X[, j] <- 0.9 * X[, j - 1] + sqrt(0.19) * X[, j]
#' y <- X[, 10] * 0.4 + rnorm(500)
#' z <- apply(X, 2, \(x) summary(lm(y ~ x))$coefficients[2, 3])
#' z[12] <- -z[12]
#' qc_sumstats(z, cor(X), 500)
qc_sumstats <- function(Z, LD, n = NULL, alpha = 0.01, n_threads = NULL, ...) {
  take_dots(...)
  alpha <- check_number(alpha, 0, 1)
  if (missing(LD)) {
    stop_mnmash(
      "argument", as_typed("LD"), ", the correlations of the variables, is needed"
    )
  }
  data <- withCallingHandlers(
    sumstats_region(list(Z = Z), LD, n, check = FALSE, each = TRUE),
    mnmash_warning_sample_size = \(w) tryInvokeRestart("muffleWarning")
  )
  Z <- shrunk_scores(data$Z, data$n)
  found <- call_core(
    "qc", statistics = list(z = Z, LD = data$LD), n_threads = resolve_threads(n_threads)
  )
  names <- if (is.null(data$variables)) as.character(seq_len(data$p)) else data$variables
  conditions <- if (is.null(data$conditions)) numbered_conditions(data$R) else data$conditions
  sd <- sqrt(found$variance)
  table <- data.frame(
    predictor = rep(names, data$R), condition = rep(conditions, each = data$p), z = as.double(Z),
    expected = as.double(found$expected), sd = as.double(sd)
  )
  table$p_value <- 2 * stats::pnorm(-abs(table$z - table$expected) / table$sd)
  table$outlier <- table$p_value < alpha / data$p
  # log N(-z) - log N(z).
  ratio <- -2 * table$z * table$expected / table$sd^2
  table$flip <- table$outlier & abs(table$z) > 2 & ratio > 2 &
    abs(table$z + table$expected) / table$sd < abs(table$z - table$expected) / table$sd / 2
  fixed <- data$LD
  if (!is.null(found$LD)) fixed <- `dimnames<-`(found$LD, dimnames(fixed))
  structure(
    list(
      s = stats::setNames(found$s, conditions), variables = table, LD = fixed,
      least_eigenvalue = found$least
    ),
    class = "qc_sumstats"
  )
}

#' @rdname qc_sumstats
#' @param x a result of `qc_sumstats()`.
#' @inheritParams shared_arguments
#' @export
print.qc_sumstats <- function(x, ...) {
  take_dots(...)
  s <- first_few(signif(x$s, 3))
  cat("Disagreement of z-scores and LD, s: ", s, "\n", sep = "")
  for (kind in c("flip", "outlier")) {
    rows <- if (kind == "flip") x$variables$flip else x$variables$outlier & !x$variables$flip
    found <- unique(x$variables$predictor[rows])
    cat("  ", if (kind == "flip") "swapped alleles: " else "other outliers: ",
        if (length(found)) paste(utils::head(found, 6L), collapse = ", ") else "none",
        and_more(length(found) - 5L), "\n", sep = "")
  }
  if (x$least_eigenvalue < 0) {
    least <- signif(x$least_eigenvalue, 3)
    cat("  LD repaired: its smallest eigenvalue was ", least, "\n", sep = "")
  }
  invisible(x)
}

#' @rdname qc_sumstats
#' @inheritParams shared_arguments
#' @export
as.data.frame.qc_sumstats <- function(x, row.names = NULL, optional = FALSE, ...) {
  take_dots(...)
  x$variables
}

#' @rdname qc_sumstats
#' @param object a result of `qc_sumstats()`.
#' @export
summary.qc_sumstats <- function(object, ...) {
  take_dots(...)
  each <- \(what) tapply(object$variables[[what]], object$variables$condition, sum)
  conditions <- names(object$s)
  data.frame(
    condition = conditions, s = unname(object$s), outliers = as.vector(each("outlier")[conditions]),
    flips = as.vector(each("flip")[conditions])
  )
}

#' @export
`$.qc_sumstats` <- function(x, name) exact_entry(x, name)

#' @exportS3Method generics::tidy
tidy.qc_sumstats <- function(x, ...) {
  take_dots(...)
  table <- x$variables
  names(table)[names(table) == "p_value"] <- "p.value"
  tidy_effects(table)
}

#' @exportS3Method generics::glance
glance.qc_sumstats <- function(x, ...) {
  take_dots(...)
  data.frame(
    predictors = nrow(x$LD), conditions = length(x$s), largest_s = max(x$s),
    outliers = sum(x$variables$outlier), flips = sum(x$variables$flip),
    least_eigenvalue = x$least_eigenvalue
  )
}
