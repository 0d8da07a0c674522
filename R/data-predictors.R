# Predictors, responses and covariates of a regression: checks, and the form the core takes.

# A matrix of predictors as list(kind = "dense", x) or list(kind = "sparse", starts, rows, x), with
# n, p and names. `X` is a matrix or data frame of numbers, a sparse matrix of package Matrix, or a
# function of the number of a block (see genotype_blocks).
as_predictors <- function(X, name = "X") {
  if (is.function(X)) X <- collect_blocks(X, name)
  if (is_sparse(X)) return(sparse_predictors(X, name))
  X <- as_numeric_matrix(X, name = name)
  check_complete(X, name)
  list(kind = "dense", x = X, n = nrow(X), p = ncol(X), names = colnames(X))
}

is_sparse <- function(X) isS4(X) && inherits(X, "Matrix")

# The compressed columns of any matrix of package Matrix.
compressed <- function(X) {
  if (inherits(X, "dgCMatrix")) return(X)
  need_package("Matrix", "sparse matrices")
  as <- getExportedValue("methods", "as")
  as(as(as(X, "CsparseMatrix"), "generalMatrix"), "dMatrix")
}

sparse_predictors <- function(X, name) {
  X <- compressed(X)
  if (!length(X)) stop_mnmash("dimension", "`", name, "` is empty")
  if (!all(is.finite(X@x))) {
    bad <- which(!is.finite(X@x))[1L]
    column <- findInterval(bad - 1L, X@p, left.open = FALSE)
    stop_mnmash(
      "not_finite", "`", name, "` must be finite: it is ", X@x[bad], " at ",
      describe_index("row", X@i[bad] + 1L, rownames(X)), ", ",
      describe_index("column", column, colnames(X))
    )
  }
  check_size(X@x, name = name)
  list(
    kind = "sparse", x = X@x, starts = X@p, rows = X@i, n = nrow(X), p = ncol(X),
    names = colnames(X), matrix = X
  )
}

need_package <- function(package, what) {
  if (!requireNamespace(package, quietly = TRUE)) {
    stop_mnmash("package", what, " need the package ", package, ": install it")
  }
}

check_complete <- function(X, name) {
  if (anyNA(X)) {
    bad <- which(is.na(X))
    stop_mnmash(
      "missing", "`", name, "` must not have missing values: there is one at ",
      describe_cell(X, bad[1L]), and_more(length(bad)),
      "; put in column means, or imputed genotypes"
    )
  }
  check_finite(X, name = name)
}

#' Genotypes in blocks of columns
#'
#' A form for predictors that come from a file: a function of a number `i` that returns the columns
#' of block `i` as a matrix of n rows (with column names, preferably), and `NULL` after the last.
#' [univariate_sumstats()] reads the blocks one at a time; the regressions, which go over the
#' predictors again and again, read them once and hold them.
#'
#' [read_genotypes()] reads some variants of PLINK's binary files, or of other formats, at a time,
#' and makes such a function, as the example shows. Any other reader of some columns does as well.
#'
#' @param p number of predictors.
#' @param read function of column numbers (increasing, without gaps) that returns these columns: a
#'   numeric matrix, `NA` where missing.
#' @param size columns in a block.
#' @param impute put the mean of its column in place of a missing value; a column without any
#'   value becomes 0.
#' @return A function of the number of a block.
#' @export
#' @examples
#' G <- matrix(rbinom(50 * 7, 2, 0.3), 50)
#' chunk <- genotype_blocks(7, \(columns) G[, columns, drop = FALSE], size = 3)
#' dim(chunk(3))
#' chunk(4)
#' y <- rnorm(50)
#' identical(univariate_sumstats(chunk, y)$Bhat, univariate_sumstats(G, y)$Bhat)
#'
#' # PLINK's files of four samples and two variants, which are read one at a time.
#' study <- tempfile("study")
#' writeBin(as.raw(c(0x6c, 0x1b, 0x01, 0xf8, 0x2b)), paste0(study, ".bed"))
#' writeLines(c("1 snp1 0 100 A G", "1 snp2 0 200 C T"), paste0(study, ".bim"))
#' writeLines(paste("family", 1:4, "0 0 0 -9"), paste0(study, ".fam"))
#' bed <- genotype_blocks(2, \(columns) read_genotypes(study, columns), size = 1, impute = TRUE)
#' bed(1)
#' mr_ash(bed, c(2.1, 1, 0.2, -0.1))$beta
genotype_blocks <- function(p, read, size = 1000, impute = FALSE) {
  p <- check_count(p)
  size <- check_count(size)
  check_flag(impute)
  if (!is.function(read)) stop_mnmash("type", "`read` must be a function of column numbers")
  function(i) {
    first <- (i - 1) * size + 1
    if (first > p) return(NULL)
    columns <- first:min(p, first + size - 1)
    found <- as_numeric_matrix(read(columns))
    if (ncol(found) != length(columns)) {
      stop_mnmash(
        "dimension", "`read` must return ", length(columns), " columns for columns ", first, " to ",
        max(columns), ", not ", ncol(found)
      )
    }
    if (impute && anyNA(found)) found <- put_in_means(found)
    found
  }
}

put_in_means <- function(X) {
  means <- colMeans(X, na.rm = TRUE)
  means[is.nan(means)] <- 0
  missing <- which(is.na(X))
  X[missing] <- means[(missing - 1L) %/% nrow(X) + 1L]
  X
}

# All blocks in one matrix.
collect_blocks <- function(chunk, name) {
  blocks <- list()
  repeat {
    block <- chunk(length(blocks) + 1L)
    if (is.null(block)) break
    block <- as_numeric_matrix(block, name = name)
    if (length(blocks) && nrow(block) != nrow(blocks[[1L]])) {
      stop_mnmash(
        "dimension", "`", name, "`: block ", length(blocks) + 1L, " has ", nrow(block),
        " rows, the first has ", nrow(blocks[[1L]])
      )
    }
    blocks[[length(blocks) + 1L]] <- block
  }
  if (!length(blocks)) stop_mnmash("dimension", "`", name, "` has no blocks")
  do.call(cbind, blocks)
}

# Responses as an n x r matrix of numbers.
as_responses <- function(Y, n, name = "Y", na_ok = TRUE) {
  Y <- as_numeric_matrix(Y, name = name)
  if (nrow(Y) != n) {
    stop_mnmash(
      "dimension", "`", name, "` has ", nrow(Y), " rows (samples), but `X` has ", n
    )
  }
  check_finite(Y, name = name, na_ok)
  Y
}

# An n x q matrix of covariates: numbers, or factors as indicators of their levels but the first.
as_covariates <- function(Z, n, name = "Z") {
  if (is.null(Z)) return(NULL)
  if (is.data.frame(Z)) {
    if (anyNA(Z)) stop_mnmash("missing", "`", name, "` must not have missing values")
    if (!length(Z)) stop_mnmash("dimension", "`", name, "` is empty: it has no columns")
    Z <- stats::model.matrix(~., Z)[, -1L, drop = FALSE]
  }
  Z <- as_numeric_matrix(Z, name = name)
  check_complete(Z, name)
  if (nrow(Z) != n) {
    stop_mnmash("dimension", "`", name, "` has ", nrow(Z), " rows (samples), but `X` has ", n)
  }
  if (is.null(colnames(Z))) colnames(Z) <- paste0(name, seq_len(ncol(Z)))
  Z
}

# Predictors of new samples, checked against the `p` of a fit and their `names`.
new_predictors <- function(newx, p, names) {
  if (is.numeric(newx) && is.null(dim(newx))) newx <- matrix(newx, 1L)
  newx <- as_predictors(newx, "newx")
  if (newx$p != p) {
    stop_mnmash("dimension", "`newx` has ", newx$p, " predictors, but the fit has ", p)
  }
  if (!is.null(names) && !is.null(newx$names) && !identical(names, newx$names)) {
    differ <- which(names != newx$names)[1L]
    stop_mnmash(
      "names", "`newx` has other predictors than the fit: column ", differ, " is ",
      newx$names[differ], ", not ", names[differ]
    )
  }
  newx
}

# Covariates of `n` new samples; the fit has `q`.
new_covariates <- function(newz, n, q) {
  if (is.null(newz)) {
    stop_mnmash("argument", "`newz` is needed: the fit has ", q, " covariates")
  }
  Z <- as_covariates(newz, n, "newz")
  if (ncol(Z) != q) {
    stop_mnmash("dimension", "`newz` has ", ncol(Z), " covariates, but the fit has ", q)
  }
  Z
}

# Coefficients that others determine count nothing.
known_values <- function(x) {
  x[is.na(x)] <- 0
  x
}

# What a fit of individual-level data holds.
own_fitted <- function(fit) {
  if (is.null(fit$fitted)) {
    stop_mnmash("argument", "`newx` is needed: the fit holds no individual-level data")
  }
  fit$fitted
}

# The intercept and the covariates: the matrix W, its QR, and an orthonormal basis.
covariate_space <- function(Z, n, intercept) {
  W <- cbind(if (intercept) matrix(1, n, 1L, dimnames = list(NULL, "(Intercept)")), Z)
  if (is.null(W)) return(list(W = matrix(0, n, 0L), basis = matrix(0, n, 0L), rank = 0L))
  decomposition <- qr(W)
  rank <- decomposition$rank
  if (rank >= n) {
    stop_mnmash("dimension", "`Z` explains everything: it has ", rank, " independent columns for ",
                n, " samples")
  }
  list(W = W, qr = decomposition, rank = rank,
       basis = qr.Q(decomposition)[, seq_len(rank), drop = FALSE])
}

# Some rows of predictors.
predictor_rows <- function(X, rows) {
  if (X$kind == "sparse") return(sparse_predictors(X$matrix[rows, , drop = FALSE], "X"))
  X$x <- X$x[rows, , drop = FALSE]
  X$n <- nrow(X$x)
  X
}

# X'Y, p x r.
predictor_products <- function(X, Y) {
  if (X$kind == "dense") return(unname(crossprod(X$x, Y)))
  unname(as.matrix(Matrix::crossprod(X$matrix, Y)))
}

# X B, n x r.
predictor_values <- function(X, B) {
  B <- as.matrix(B)
  if (X$kind == "dense") return(unname(X$x %*% B))
  unname(as.matrix(X$matrix %*% B))
}

# Sums of squares of the columns, by blocks: their squares need no second matrix.
predictor_squares <- function(X) {
  if (X$kind == "sparse") return(unname(Matrix::colSums(X$matrix^2)))
  unname(unlist(lapply(column_blocks(X$p, X$n), \(j) colSums(X$x[, j, drop = FALSE]^2))))
}

column_blocks <- function(p, n, cells = 2e6) {
  size <- max(1, floor(cells / n))
  unname(split(seq_len(p), (seq_len(p) - 1) %/% size))
}

# Products with the responses and sums of squares, covariates regressed out.
marginal_products <- function(X, space, Y) {
  given <- colSums(Y^2)
  Y <- Y - space$basis %*% crossprod(space$basis, Y)
  along <- predictor_products(X, space$basis)
  squares <- predictor_squares(X)
  norms <- squares - rowSums(along^2)
  norms[norms <= 1e-14 * squares] <- 0
  total <- colSums(Y^2)
  total[total <= 1e-20 * given] <- 0
  list(products = predictor_products(X, Y), norms = norms, total = total)
}
