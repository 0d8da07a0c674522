# What fqtl() makes of outcomes and their family before the fit: centred, in units of their own,
# with the ranges of variances and dispersions.

# The family and what belongs to it, checked.
fqtl_family <- function(family, nb_link, nb_floor, variance_bounds) {
  name <- match_choice(family, c("gaussian", "nb", "voom", "binomial", "beta"))
  nb_link <- match_choice(nb_link, c("log", "odds"))
  list(
    name = name, nb_link = if (name == "nb") nb_link, nb_floor = nb_floor, bounds = variance_bounds,
    linear = name %in% c("gaussian", "voom")
  )
}

# The data in the units of the fit. `unit` and `centres`, one for each outcome, lead back: normal
# outcomes are brought to variance one, so that priors mean the same for each of them whatever its
# unit; log-counts to natural logarithms; others stay.
fqtl_model <- function(data, family) {
  Y <- data$Y
  n <- nrow(Y)
  m <- ncol(Y)
  model <- list(
    Y = Y, data = data, name = family$name, nb_link = family$nb_link, linear = family$linear,
    unit = rep(1, m), centres = rep(0, m), offset = data$offset, spread = 1, base = NULL
  )
  if (family$linear) model <- in_own_units(model, data)
  variances <- column_variances(if (family$linear) known_part_off(model) else Y)
  # A constant normal outcome has no scale of its own: that of the others will do.
  variances <- if (family$name == "gaussian") rep(1, m) else pmax(variances, 1e-300)
  if (family$name == "voom") model$spread <- mean(variances)
  # Covariates of variance one: their effects then have one prior whatever their units.
  model$covariate_unit <- c(1, column_spread(data$covariates[, -1L, drop = FALSE]))
  model$covariates <- data$covariates / rep(model$covariate_unit, each = n)
  model$precision <- 1e-6 / model$spread
  model$family <- c(
    list(covariates = data$var_covariates),
    family_ranges(family, data, variances), list(base = model$base)
  )
  model
}

in_own_units <- function(model, data) {
  n <- nrow(data$Y)
  m <- ncol(data$Y)
  rest <- if (is.null(data$offset)) data$Y else data$Y - data$offset
  model$centres <- unname(colMeans(rest, na.rm = TRUE))
  if (model$name == "gaussian") {
    model$unit <- column_spread(rest)
  } else if (!is.null(data$library_size)) {
    # log2-cpm in natural logarithms; log(mean count) = eta + log((library + 1) / 1e6).
    model$unit <- rep(1 / log(2), m)
    model$base <- matrix(log((data$library_size + 1) / 1e6), n, m)
  }
  if (model$name == "voom") {
    base <- if (is.null(model$base)) matrix(0, n, m) else model$base
    model$base <- base + rep(model$centres / model$unit, each = n)
  }
  model$Y <- (data$Y - rep(model$centres, each = n)) / rep(model$unit, each = n)
  if (!is.null(data$offset)) model$offset <- data$offset / rep(model$unit, each = n)
  model
}

known_part_off <- function(model) if (is.null(model$offset)) model$Y else model$Y - model$offset

column_variances <- function(Y) {
  centred <- Y - rep(colMeans(Y, na.rm = TRUE), each = nrow(Y))
  unname(colMeans(centred^2, na.rm = TRUE))
}

# Standard deviations of columns; 1 where a column is constant but for rounding.
column_spread <- function(Y) {
  spread <- sqrt(column_variances(Y))
  size <- unname(apply(abs(Y), 2L, max, na.rm = TRUE))
  ifelse(spread > 1e-14 * size, spread, 1)
}

# Where each outcome's variance or dispersion may lie, and where it starts.
family_ranges <- function(family, data, variances) {
  name <- family$name
  m <- length(variances)
  means <- unname(colMeans(data$Y, na.rm = TRUE))
  if (family$linear) {
    bounds <- family$bounds
    if (is.null(bounds)) bounds <- c(1e-4, if (ncol(data$var_covariates) > 1L) 100 else 1)
    if (!is.numeric(bounds) || length(bounds) != 2L || anyNA(bounds) || bounds[1L] <= 0 ||
          bounds[1L] >= bounds[2L]) {
      stop_mnmash("argument", "`variance_bounds` must be two increasing positive numbers")
    }
    low <- bounds[1L] * variances
    high <- bounds[2L] * variances
    return(list(name = name, low = low, high = high, start = pmin(variances, high)))
  }
  if (name == "nb") {
    nb_floor <- if (is.null(family$nb_floor)) 0 else family$nb_floor
    nb_floor <- rep_len(check_number(nb_floor, 0), m)
    moment <- means^2 / pmax(variances - means, means / 100)
    start <- pmax(pmin(moment, 100), 0.05) + nb_floor
    core <- if (family$nb_link == "odds") "nb_odds" else "nb_log"
    return(list(name = core, low = nb_floor, start = start))
  }
  if (name == "beta") {
    moment <- means * (1 - means) / variances - 1
    return(list(name = name, low = rep(1e-6, m), start = pmax(moment, 0.1)))
  }
  list(name = name, size = binomial_size(data$size, data$Y))
}

binomial_size <- function(size, Y) {
  if (is.null(size)) return(NULL)
  if (is.numeric(size) && length(size) == 1L) size <- matrix(size, nrow(Y), ncol(Y))
  size <- as_numeric_matrix(size)
  size <- align_rows(size, rownames(Y), nrow(Y), "size", "sample", to = "`Y`", more = "refuse")
  size <- align_columns(size, colnames(Y), ncol(Y), "size", "outcome", to = "`Y`")
  size[is.na(Y)] <- 1
  check_finite(size, na_ok = FALSE)
  size
}
