# Predictors of a regression: checks, and the form the core takes.

# A matrix of predictors as list(kind = "dense", x) or list(kind = "sparse", starts, rows, x), with
# n, p, names (of predictors) and samples (their names). `X` is a matrix or data frame of numbers, a
# sparse matrix of package Matrix, or a function of the number of a block (see genotype_blocks).
as_predictors <- function(X, name = "X") {
  if (is.function(X)) X <- collect_blocks(X, name)
  if (is_sparse(X)) return(sparse_predictors(X, name))
  X <- as_numeric_matrix(zero_one(X), name = name)
  check_complete(X, name)
  list(
    kind = "dense", x = X, n = nrow(X), p = ncol(X), names = colnames(X), samples = rownames(X)
  )
}

# What as_predictors() has, as a plain matrix.
plain_predictors <- function(X) if (X$kind == "sparse") as.matrix(X$matrix) else X$x

# Logical values as 0 and 1.
zero_one <- function(x) {
  if (is.data.frame(x)) {
    logical <- vapply(x, is.logical, NA)
    if (any(logical)) x[logical] <- lapply(x[logical], zero_one)
  } else if (is.logical(x) && !all(is.na(x))) {
    x <- x + 0
  }
  x
}

is_sparse <- function(X) isS4(X) && inherits(X, "Matrix")

# The compressed columns of any matrix of package Matrix.
compressed <- function(X, name = "X") {
  need_package("Matrix", "sparse matrices")
  check_valid(X, name)
  if (inherits(X, "dgCMatrix")) return(X)
  methods::as(methods::as(methods::as(X, "CsparseMatrix"), "generalMatrix"), "dMatrix")
}

sparse_predictors <- function(X, name) {
  X <- compressed(X, name)
  if (!length(X)) stop_mnmash("dimension", as_typed(name), " is empty")
  if (!all(is.finite(X@x))) {
    bad <- which(!is.finite(X@x))[1L]
    column <- findInterval(bad - 1L, X@p, left.open = FALSE)
    stop_mnmash(
      "not_finite", as_typed(name), " must be finite: it is ", X@x[bad], " at ",
      describe_index("row", X@i[bad] + 1L, rownames(X)), ", ",
      describe_index("column", column, colnames(X))
    )
  }
  check_size(X@x, name = name)
  list(
    kind = "sparse", x = X@x, starts = X@p, rows = X@i, n = nrow(X), p = ncol(X),
    names = colnames(X), samples = rownames(X), matrix = X
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
      "missing", as_typed(name), " must not have missing values: there is one at ",
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
#' @inheritParams shared_arguments
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
genotype_blocks <- function(p, read, size = 1000, impute = FALSE, ...) {
  take_dots(...)
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
    block <- as_numeric_matrix(zero_one(block), name = name)
    if (length(blocks) && nrow(block) != nrow(blocks[[1L]])) {
      stop_mnmash(
        "dimension", as_typed(name), ": block ", length(blocks) + 1L, " has ", nrow(block),
        " rows, the first has ", nrow(blocks[[1L]])
      )
    }
    if (length(blocks)) {
      first <- rownames(blocks[[1L]])
      block <- align_rows(block, first, nrow(block), name, "sample", to = "its first block")
    }
    blocks[[length(blocks) + 1L]] <- block
  }
  if (!length(blocks)) stop_mnmash("dimension", as_typed(name), " has no blocks")
  do.call(cbind, blocks)
}

# Predictors of new samples for a fit of `p` predictors with `names` (or NULL): found by name, also
# among others and in any order. A vector is one sample (or, for one predictor, its values).
new_predictors <- function(newdata, p, names, name = "newdata") {
  if (is.function(newdata)) newdata <- collect_blocks(newdata, name)
  if (is.null(dim(newdata)) && is.atomic(newdata)) {
    newdata <- if (p == 1L && is.null(base::names(newdata))) matrix(newdata) else t(newdata)
  }
  if (is.data.frame(newdata) || is.matrix(newdata) || is_sparse(newdata)) {
    if (is_sparse(newdata)) check_valid(newdata, name)
    own <- colnames(newdata)
    at <- align_to(own, names, name, "predictor", ncol(newdata), p, to = "the fit")
    if (!in_order(at, ncol(newdata))) newdata <- newdata[, at, drop = FALSE]
  }
  as_predictors(newdata, name)
}

# Some rows of predictors.
predictor_rows <- function(X, rows) {
  if (X$kind == "sparse") return(sparse_predictors(X$matrix[rows, , drop = FALSE], "X"))
  X$x <- X$x[rows, , drop = FALSE]
  X$n <- nrow(X$x)
  X$samples <- rownames(X$x)
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
