# Covariates of a regression. Their variables, levels and contrasts are kept with the fit, so that
# new samples get the same columns whatever the order of their variables or of their levels.

# `covariates` of `n` samples as list(x, terms), or NULL: the n x q matrix of their columns, and
# what it takes to make the same columns of new samples. They are a matrix or data frame, whose
# factors, text and logical values become contrasts (by default indicators of all levels but the
# first), or a vector for one covariate. Rows are brought into the order of `samples` where both
# have names.
as_covariates <- function(covariates, n, samples = NULL, name = "covariates") {
  if (is.null(covariates)) return(NULL)
  found <- covariate_variables(covariates, name)
  found$frame <- covariate_rows(found, n, samples, name, "`X`")
  contrasts <- Map(\(x, variable) variable_contrasts(x, variable, name), found$frame,
                   names(found$frame))
  terms <- list(
    variables = names(found$frame), contrasts = Filter(Negate(is.null), contrasts),
    named = found$named
  )
  list(x = covariate_columns(found$frame, terms, name), terms = terms)
}

# The same columns of `n` new samples, or NULL if the fit (whose `terms` these are) has no
# covariates. Variables are found by name, also among others.
new_covariates <- function(covariates, n, terms, samples = NULL, name = "covariates") {
  q <- length(terms$variables)
  if (is.null(terms)) {
    if (!is.null(covariates)) {
      stop_mnmash("argument", as_typed(name), " has no use here: the fit has no covariates")
    }
    return(NULL)
  }
  if (is.null(covariates)) {
    stop_mnmash(
      "argument", as_typed(name), " is needed: the fit has ", q, " covariate", if (q > 1L) "s",
      if (terms$named) paste0(" (", first_few(terms$variables, 3L), ")")
    )
  }
  # One new sample as a vector.
  if (is.atomic(covariates) && is.null(dim(covariates)) && n == 1L && q > 1L) {
    covariates <- t(covariates)
  }
  found <- covariate_variables(covariates, name)
  at <- align_to(
    if (found$named) names(found$frame), if (terms$named) terms$variables, name, "covariate",
    length(found$frame), q, to = "the fit"
  )
  found$frame <- stats::setNames(found$frame[at], terms$variables)
  covariate_columns(covariate_rows(found, n, samples, name, as_typed("newdata")), terms, name)
}

# list(frame, rows, named): a list of vectors of one length, one for each covariate, names of the
# samples if there are any, and whether the names of the covariates are the user's.
covariate_variables <- function(covariates, name) {
  if (is.data.frame(covariates)) {
    if (!length(covariates)) {
      stop_mnmash(
        "dimension", as_typed(name), " is empty: it has no columns"
      )
    }
    rows <- if (.row_names_info(covariates) > 0L) rownames(covariates)
    # Matrices among its columns become columns.
    wide <- !vapply(covariates, \(x) is.null(dim(x)), NA)
    if (any(wide)) covariates <- do.call(data.frame, c(as.list(covariates), check.names = FALSE))
    return(list(frame = as.list(covariates), rows = rows, named = TRUE))
  }
  if (is.null(dim(covariates)) && (is.factor(covariates) || is.atomic(covariates))) {
    return(list(
      frame = list(covariate1 = unname(covariates)), rows = names(covariates), named = FALSE
    ))
  }
  if (is_sparse(covariates)) covariates <- plain_matrix(covariates)
  x <- if (is.logical(covariates)) covariates + 0 else as_numeric_matrix(covariates, name = name)
  columns <- colnames(x)
  named <- !is.null(columns)
  if (!named) columns <- paste0("covariate", seq_len(ncol(x)))
  list(
    frame = stats::setNames(lapply(seq_len(ncol(x)), \(j) unname(x[, j])), columns),
    rows = rownames(x), named = named
  )
}

covariate_rows <- function(found, n, samples, name, to) {
  rows <- length(found$frame[[1L]])
  if (is.null(found$rows) || is.null(samples)) {
    if (rows != n) {
      stop_mnmash(
        "dimension", as_typed(name), " has ", rows, " rows (samples), but ", to, " has ", n
      )
    }
    return(found$frame)
  }
  at <- align_to(found$rows, samples, name, "sample", to = to, more = "refuse")
  if (in_order(at, rows)) found$frame else lapply(found$frame, `[`, at)
}

# The contrasts of a factor: levels x columns, with the levels' names; NULL for numbers.
variable_contrasts <- function(x, variable, name) {
  if (anyNA(x)) stop_missing_covariate(x, variable, name)
  if (is.character(x) || is.logical(x)) x <- factor(x)
  if (!is.factor(x)) return(NULL)
  if (nlevels(x) > length(unique(x[!is.na(x)]))) x <- x[, drop = TRUE]
  if (nlevels(x) < 2L) {
    stop_mnmash(
      "value", as_typed(name), ": ", variable, " has one value only (", levels(x),
      "): leave it out, the intercept stands for it"
    )
  }
  found <- stats::contrasts(x)
  columns <- if (is.null(colnames(found))) seq_len(ncol(found)) else colnames(found)
  dimnames(found) <- list(levels(x), paste0(variable, columns))
  found
}

# n x q: numbers as they are, factors by their contrasts.
covariate_columns <- function(frame, terms, name) {
  columns <- Map(\(x, variable) {
    if (anyNA(x)) stop_missing_covariate(x, variable, name)
    contrasts <- terms$contrasts[[variable]]
    if (!is.null(contrasts)) return(rows_of_levels(x, contrasts, variable, name))
    if (!(is.numeric(x) || is.logical(x) || inherits(x, c("Date", "POSIXct", "difftime"))) ||
          is.factor(x)) {
      stop_mnmash("type", as_typed(name), ": ", variable, " must be numbers, not ", class(x)[1L])
    }
    matrix(as.double(x), dimnames = list(NULL, variable))
  }, frame, names(frame))
  x <- do.call(cbind, unname(columns))
  check_finite(x, name = name)
  x
}

stop_missing_covariate <- function(x, variable, name) {
  stop_mnmash(
    "missing", as_typed(name), " must not have missing values: there is one in ", variable,
    ", row ",
    which(is.na(x))[1L], and_more(sum(is.na(x)))
  )
}

rows_of_levels <- function(x, contrasts, variable, name) {
  at <- match(as.character(x), rownames(contrasts))
  if (anyNA(at)) {
    unseen <- unique(as.character(x)[is.na(at)])
    stop_mnmash(
      "names", as_typed(name), ": ", variable, " has a level that the fit does not have: \"",
      unseen[1L], "\"", and_more(length(unseen)), "; it has ", first_few(rownames(contrasts))
    )
  }
  contrasts <- contrasts[at, , drop = FALSE]
  rownames(contrasts) <- NULL
  contrasts
}
