# What is known of a region: rows, sufficient statistics or summary statistics.

#' Data of a region for fine-mapping
#'
#' Three ways to say what is known of p variables and R conditions: individual data
#' (`finemap_data()`), sufficient statistics (`finemap_suffstat()`), or z-scores, or effects and
#' standard errors, with the correlations of the variables (`finemap_sumstats()`). The same data in
#' the three forms give the same fit.
#'
#' Z-scores of `n` samples are first shrunk to `z sqrt((n - 1) / (z^2 + n - 2))`, which makes them
#' the ones that a fit with a known residual variance would have had, instead of one for each
#' variable (susieR does the same). `n` may differ by condition; overlap of the samples is then
#' part of the residual correlation `V` of the z-scores.
#'
#' @section Names:
#' Where two arguments have names of the same things they are matched by name: samples of `Y` and of
#' `covariates` to those of `X`, variables and conditions to those of `XtY`, or of the z-scores. An
#' `LD` or `XtX` of more variables is reduced to those needed; a name that is missing is an error.
#'
#' @param X n x p matrix of variables (genotypes), without missing values: a plain or sparse matrix,
#'   a data frame, blocks as of [genotype_blocks()], which are read into memory, or the name of a
#'   file for [read_genotypes()], whose missing genotypes are replaced by means, which is said.
#' @param Y n x R matrix of outcomes (a vector is one condition); `NA` where not observed. With one
#'   condition, samples without it are left out.
#' @param covariates n x q matrix or data frame of covariates, which are regressed out of `X` and
#'   `Y` (factors become indicators of all levels but the first). Not where several conditions have
#'   missing outcomes.
#' @param XtX,XtY,YtY p x p, p x R and R x R products of centred variables and outcomes.
#' @param n number of samples. For `finemap_sumstats()` one number, R numbers (matched by the names
#'   of conditions), or the p x R numbers of each z-score if they are nearly the same for all
#'   variables, the fewest 90% of the most: their medians are used, which is said.
#' @param x_mean,y_mean means of the columns, for an intercept (optional).
#' @param Z p x R matrix of z-scores; or give
#' @param Bhat,Shat p x R matrices of effects of single variables and their standard errors. Effects
#'   of the fit are then in their units: with sample sizes `Shat sqrt(n - 2 + z^2)` is the standard
#'   deviation of the outcome for one of the variable, exactly. With `Z` they are in standard
#'   deviations of the outcome for one of the variable.
#' @param check look whether `LD` is positive semi-definite, which takes p^3 / 3 operations.
#' @inheritParams shared_arguments
#'
#' @return An object of class `finemap_data`.
#' @section Errors:
#' Missing values in `X`, `LD` or the z-scores, columns that are constant, two variables of one
#' name, `LD` that lacks variables of the z-scores (with their names), or with negative
#' eigenvalues beyond rounding. Z-scores without `n` are a warning.
#' @seealso [finemap()], [qc_sumstats()]
#' @references Zou, Carbonetto, Wang and Stephens (2022), PLoS Genetics 18, e1010299, for z-scores
#'   with sample sizes.
#' @export
#' @examples
#' set.seed(1)
#' X <- matrix(rbinom(200 * 20, 2, 0.3), 200)
#' Y <- X[, 3] %o% c(1, 0.5) + matrix(rnorm(400), 200)
#' finemap_data(X, Y)
#'
#' # The same from products of centred data, and from z-scores
#' x <- scale(X, scale = FALSE)
#' y <- scale(Y, scale = FALSE)
#' finemap_suffstat(crossprod(x), crossprod(x, y), crossprod(y), n = 200)
#' s <- univariate_sumstats(X, Y)
#' finemap_sumstats(s$Bhat / s$Shat, LD = cor(X), n = 200)
finemap_data <- function(X, Y, covariates = NULL, ...) {
  take_dots(...)
  if (is_file_name(X)) X <- known_as(list(file = "X"), read_genotypes(X, impute = TRUE))
  data <- regression_data(X, Y, covariates)
  if (ncol(data$Y) == 1L) data <- samples_with_response(data, "Y")
  X <- plain_predictors(data$X)
  Y <- data$Y
  if (nrow(X) < 3L) stop_mnmash("dimension", "`X` must have at least 3 rows")
  check_variables(colnames(X), "the columns of `X`")
  constant <- constant_columns(X)
  if (length(constant)) {
    stop_mnmash(
      "value", "`X` must not have constant columns: ",
      describe_index("column", constant[1L], colnames(X)), " is", and_more(length(constant)),
      "; leave them out"
    )
  }
  for (r in seq_len(ncol(Y))) {
    y <- Y[!is.na(Y[, r]), r]
    if (length(y) < 3L || all(y == y[1L])) {
      stop_mnmash(
        "value", "`Y` must vary: ", describe_index("column", r, colnames(Y)),
        if (length(y) < 3L) " has fewer than 3 values" else " is constant"
      )
    }
  }
  if (!is.null(data$Z) && anyNA(Y)) {
    stop_mnmash(
      "argument", as_typed("covariates"),
      " need complete outcomes where there are several conditions: ",
      "regress them out of `X` and `Y` first"
    )
  }
  new_finemap_data(
    "rows", colnames(X), colnames(Y), ncol(X), ncol(Y), X = X, Y = Y, n = nrow(X),
    covariates = data$Z$x, terms = data$Z$terms
  )
}

#' @rdname finemap_data
#' @export
finemap_suffstat <- function(XtX, XtY, YtY, n, x_mean = NULL, y_mean = NULL, ...) {
  take_dots(...)
  XtX <- complete_matrix(XtX, "XtX")
  XtY <- complete_matrix(XtY, "XtY")
  YtY <- complete_matrix(YtY, "YtY")
  if (missing(n)) stop_mnmash("argument", as_typed("n"), ", the number of samples, is needed")
  n <- check_number(n, 3)
  check_square(XtX, "XtX")
  check_square(YtY, "YtY")
  p <- nrow(XtY)
  R <- ncol(XtY)
  XtX <- align_square(XtX, rownames(XtY), p, "XtX", "variable", to = "`XtY`")
  YtY <- align_square(YtY, colnames(XtY), R, "YtY", "condition", to = "`XtY`")
  variables <- first_names(rownames(XtY), rownames(XtX), colnames(XtX))
  conditions <- first_names(colnames(XtY), rownames(YtY), colnames(YtY))
  check_variables(variables, "the rows of `XtY`")
  constant <- which(diag(XtX) <= 0)
  if (length(constant)) {
    stop_mnmash(
      "value", "the diagonal of `XtX` must be positive: it is not for ",
      describe_index("variable", constant[1L], variables), and_more(length(constant))
    )
  }
  new_finemap_data(
    "suffstat", variables, conditions, p, R, XtX = XtX, XtY = XtY, YtY = YtY, n = n, given = "XtY",
    x_mean = check_column_means(x_mean, variables, p, "x_mean", "variable"),
    y_mean = check_column_means(y_mean, conditions, R, "y_mean", "condition")
  )
}

#' @rdname finemap_data
#' @param x the data.
#' @inheritParams shared_arguments
#' @export
print.finemap_data <- function(x, ...) {
  take_dots(...)
  kind <- c(
    rows = "individual data", suffstat = "sufficient statistics", sumstats = "summary statistics"
  )
  cat(
    "Region of ", x$p, " variables and ", x$R, if (x$R == 1L) " condition" else " conditions", ": ",
    kind[[x$kind]], if (!is.null(x$n)) paste0(", n = ", paste(range(x$n), collapse = " to ")), "\n",
    sep = ""
  )
  invisible(x)
}

#' @export
`$.finemap_data` <- function(x, name) exact_entry(x, name)

new_finemap_data <- function(kind, variables, conditions, p, R, ...) {
  structure(
    list(kind = kind, variables = variables, conditions = conditions, p = p, R = R, ...),
    class = "finemap_data"
  )
}

# A few rows tell of nearly all columns that they vary.
constant_columns <- function(X) {
  few <- X[unique(round(seq(1, nrow(X), length.out = 16L))), , drop = FALSE]
  alike <- which(colSums(few != rep(few[1L, ], each = nrow(few))) == 0)
  alike[vapply(alike, \(j) all(X[, j] == X[1L, j]), NA)]
}

numbered_conditions <- function(R) paste0("condition", seq_len(R))

complete_matrix <- function(x, name) {
  x <- as_numeric_matrix(x, name = name)
  if (anyNA(x)) {
    bad <- which(is.na(x))
    stop_mnmash(
      "missing", as_typed(name), " must not have missing values: it is NA at ",
      describe_cell(x, bad[1L]), and_more(length(bad))
    )
  }
  check_finite(x, name = name)
}

check_square <- function(x, name) {
  if (nrow(x) != ncol(x)) {
    stop_mnmash("dimension", as_typed(name), " must be square, not ", describe_dim(x))
  }
  at <- call_core("asymmetry", x = x)
  if (!is.null(at)) {
    stop_mnmash(
      "asymmetric", as_typed(name), " must be symmetric: it is not at ", describe_cell(x, at)
    )
  }
}

# The first names that are given.
first_names <- function(...) {
  for (names in list(...)) if (!is.null(names)) return(names)
  NULL
}

check_variables <- function(names, where) {
  twice <- anyDuplicated(names)
  if (twice) {
    stop_mnmash("names", where, " must have distinct names: \"", names[twice], "\" is there twice")
  }
}

check_column_means <- function(x, names, n, name, kind) {
  if (is.null(x)) return(NULL)
  if (!is.numeric(x) || !all(is.finite(x))) {
    stop_mnmash("argument", as_typed(name), " must be ", n, " numbers")
  }
  stats::setNames(as.double(align_vector(x, names, n, name, kind, to = "`XtY`")), names)
}
