# Regions with samples: genotypes in memory or in files, and the responses that go with them.

individual_region <- function(source, given) {
  if (is.null(given$Y)) stop_mnmash("argument", "individual data need `Y`")
  Y <- given$Y
  from_files <- is_file_name(given$X) || is_file_name(Y)
  if (is_file_name(Y)) Y <- read_genotypes(Y)
  Y <- as_numeric_matrix(zero_one(Y), name = "Y")
  covariates <- given$covariates %||% source$covariates
  if (is_file_name(covariates)) covariates <- as.data.frame(read_genotypes(covariates))
  if (is_file_name(given$X) && is_plink(given$X)) {
    return(packed_region(source, given, Y, covariates))
  }
  X <- given$X
  if (is_file_name(X)) X <- put_in_means(read_genotypes(X, given$variants, given$range))
  if (from_files && !is.null(rownames(X)) && !is.null(rownames(Y))) {
    both <- common_samples(rownames(X), rownames(Y))
    X <- X[both, , drop = FALSE]
    Y <- Y[both, , drop = FALSE]
  }
  data <- regression_data(X, Y, covariates)
  if (!data$X$p) stop_mnmash("dimension", "there is no variant in the region")
  region <- region_of_samples(data$Y, data$Z$x, data$samples)
  X <- data$X
  region$predictors <- core_predictors(X, region$space$basis)
  with_sizes(region, \(M) predictor_products(X, M), predictor_squares(X), X$names)
}

is_plink <- function(file) {
  endsWith(file, ".bed") || (!file.exists(file) && file.exists(paste0(file, ".bed")))
}

common_samples <- function(a, b) {
  both <- intersect(a, b)
  if (!length(both)) {
    stop_mnmash("names", "`X` and `Y` have no sample in common: ", first_few(a, 2L), " and ",
                first_few(b, 2L))
  }
  both
}

# Genotypes in two bits. The tables of a file are read once.
packed_region <- function(source, given, Y, covariates) {
  stem <- sub("[.]bed$", "", given$X)
  known <- source$index[[stem]]
  if (is.null(known)) source$index[[stem]] <- known <- index_plink(stem)
  at <- if (is.null(given$variants)) {
    seq_along(known$names)
  } else {
    which(known$names %in% given$variants)
  }
  if (!is.null(given$range)) {
    range <- parse_region(given$range)
    at <- at[inside(known$chromosome[at], known$position[at], range)]
  }
  if (!length(at)) stop_mnmash("dimension", "there is no variant in the region")
  if (is.null(rownames(Y))) {
    if (nrow(Y) != length(known$samples)) {
      stop_mnmash("dimension", "`Y` has ", nrow(Y), " rows (samples), but `X` has ",
                  length(known$samples))
    }
    rownames(Y) <- known$samples
  }
  samples <- common_samples(known$samples, rownames(Y))
  Z <- as_covariates(covariates, length(samples), samples)
  region <- region_of_samples(Y[samples, , drop = FALSE], Z$x, samples)
  bytes <- packed_bytes(known, at)
  rows <- match(samples, known$samples)
  region$packed <- list(
    bytes = bytes, samples = length(known$samples), rows = rows, basis = region$space$basis
  )
  X <- put_in_means(unpacked(bytes, length(known$samples))[rows, , drop = FALSE])
  with_sizes(region, \(M) crossprod(X, M), colSums(X^2), known$names[at])
}

# What the tables beside a .bed file say.
index_plink <- function(stem) {
  files <- plink_files(stem)
  bim <- plain_table(files[2L], 6L, c(1L, 2L, 4L))
  samples <- plain_table(files[3L], 2L, 2L)[[1L]]
  check_bed(files, length(samples), nrow(bim))
  list(
    file = files[1L], chromosome = bim[[1L]], names = bim[[2L]],
    position = suppressWarnings(as.numeric(bim[[3L]])), samples = samples
  )
}

# The bytes of some variants, one read for each run of them.
packed_bytes <- function(known, at) {
  width <- (length(known$samples) + 3) %/% 4
  runs <- split(at, cumsum(c(1L, diff(at) != 1L)))
  connection <- file(known$file, "rb")
  on.exit(close(connection))
  do.call(c, unname(lapply(runs, \(run) {
    seek(connection, 3 + (run[1L] - 1) * width)
    bytes <- readBin(connection, "raw", width * length(run))
    if (length(bytes) < width * length(run)) {
      stop_mnmash("file", "'", known$file, "' has become shorter")
    }
    bytes
  })))
}

unpacked <- function(bytes, samples) {
  width <- (samples + 3) %/% 4
  codes <- plink_dosage[, as.integer(bytes) + 1L]
  matrix(codes, 4L * width)[seq_len(samples), , drop = FALSE]
}

# Responses of samples, and the space of the intercept and the covariates.
region_of_samples <- function(Y, Z, samples) {
  Y <- Y[, colSums(!is.na(Y)) > 0, drop = FALSE]
  if (!ncol(Y)) stop_mnmash("missing", "`Y` has no value")
  conditions <- colnames(Y) %||% numbered_conditions(ncol(Y))
  Y <- response_matrix(Y, TRUE)
  list(
    form = "individual", responses = core_responses(unname(Y)), n = nrow(Y),
    conditions = conditions, samples = samples,
    space = covariate_space(Z, nrow(Y), TRUE)
  )
}

# `along`: products of predictors with the space of the covariates; `marginal` effects of
# standardized predictors, missing responses taken as zero effects.
with_sizes <- function(region, products, squares, variants) {
  Y <- region$responses$y
  region$along <- products(region$space$basis)
  norms <- pmax(squares - rowSums(region$along^2), 0)
  centred <- Y - rep(colMeans(Y, na.rm = TRUE), each = nrow(Y))
  region$spread <- sqrt(colMeans(centred^2, na.rm = TRUE))
  centred[is.nan(centred)] <- 0
  seen <- colMeans(!is.nan(Y))
  sd <- sqrt(norms / (region$n - 1))
  sd[norms <= 1e-14 * squares] <- Inf
  region$marginal <- products(centred) / outer(sd * (region$n - 1), seen)
  region$variants <- variants
  region$p <- length(squares)
  region
}

# The data as fine-mapping takes them.
finemap_region <- function(source, name, region, V) {
  if (!is.null(region$finemap)) return(region$finemap(V))
  X <- if (is.null(region$packed)) {
    x <- region$predictors$x
    if (is.list(x)) {
      dense <- matrix(0, x$n, length(x$starts) - 1L)
      dense[cbind(x$rows + 1L, rep(seq_along(diff(x$starts)), diff(x$starts)))] <- x$values
      x <- dense
    }
    x
  } else {
    put_in_means(unpacked(region$packed$bytes, region$packed$samples)[region$packed$rows, ,
                                                                      drop = FALSE])
  }
  # Covariates out of both, as the regression had it; with missing responses, out of X.
  basis <- region$space$basis
  Y <- region$responses$y
  if (ncol(basis) > 1L) {
    X <- X - basis %*% crossprod(basis, X)
    Y <- covariates_out(Y, basis)
  }
  Y[is.nan(Y)] <- NA
  dimnames(X) <- list(NULL, region$variants)
  colnames(Y) <- region$conditions
  varies <- apply(X, 2L, \(x) max(x) - min(x)) > 1e-10
  list(finemap_data(X[, varies, drop = FALSE], Y), V)
}

# Responses without what covariates explain of those that are observed.
covariates_out <- function(Y, basis) {
  for (r in seq_len(ncol(Y))) {
    known <- !is.nan(Y[, r])
    Y[known, r] <- stats::lm.fit(basis[known, , drop = FALSE], Y[known, r])$residuals
  }
  Y
}
