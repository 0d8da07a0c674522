# LD from files.

#' Read correlations of variants
#'
#' Reads a matrix of correlations (LD) for [finemap_sumstats()] and the regressions from summary
#' statistics.
#'
#' Files of PLINK: `--r square` (text, also `.gz`) and `--r triangle`, `--r bin` and `bin4` of
#' version 1.9; `--r-unphased square` and `bin` of version 2, with `ref-based`: without it, signs
#' are those of the major alleles, which no file tells. Signs of version 1.9 are those of the first
#' allele of the `.bim` file. Squares of correlations (`--r2`) will not do.
#'
#' @param file the name of a file: text with a row of numbers for each variant, all of them or up to
#'   the diagonal, with or without a line of names before them; numbers of 8 or 4 bytes (`.bin`); or
#'   `.rds` with a matrix, or one of package Matrix.
#' @param names names of the variants, or a file of them: PLINK's `.vars`, `.snplist` (a name in
#'   each line) or `.bim`. Default: those that the file has, or that stand in `<file>.vars`.
#' @param variants names of the variants to read. Those that the file does not have are passed over.
#'   Default: all.
#' @inheritParams shared_arguments
#'
#' @return A matrix with names on both sides (of package Matrix, if the file holds one). Variants
#'   whose correlations are no numbers, as those without variation, are left out, which is said.
#' @section Errors:
#' Files of another size than that of a matrix, names of another number than its rows, tables of
#' pairs.
#' @seealso [harmonise_alleles()] for the alleles, [qc_sumstats()]
#' @export
#' @examples
#' file <- tempfile(fileext = ".ld")
#' writeLines(c("1\t0.5", "0.5\t1"), file)
#' read_ld(file, names = c("rs1", "rs2"))
read_ld <- function(file, names = NULL, variants = NULL, ...) {
  take_dots(...)
  if (!is_file_name(file)) stop_mnmash("type", "`file` must be the name of one file")
  if (!is.null(variants)) check_labels(variants)
  if (!file.exists(file) || dir.exists(file)) {
    stop_mnmash("file", "`file`: there is no file '", file, "'")
  }
  names <- ld_names(names, file)
  kind <- sub("^.*[.]", "", sub("[.]gz$", "", ascii_lower(file)))
  if (kind %in% c("zst", "npz", "bcor", "h5")) {
    stop_mnmash(
      "file", "`file`: '", file, "' is of a format (.", kind, ") that is not read here: unpack ",
      "it, or write the matrix as text or as .rds"
    )
  }
  LD <- switch(
    kind,
    rds = rds_ld(file), bin = , bin4 = binary_ld(file, length(names)), text_ld(file)
  )
  LD <- named_ld(LD, names, file)
  if (!is.null(variants)) {
    at <- match(intersect(variants, rownames(LD)), rownames(LD))
    LD <- LD[at, at, drop = FALSE]
  }
  with_numbers(LD)
}

# Names given as such, or by a file; or those beside the matrix.
ld_names <- function(names, file) {
  if (is.null(names) && file.exists(paste0(file, ".vars"))) names <- paste0(file, ".vars")
  if (is.null(names)) return(NULL)
  if (!is_file_name(names) || !file.exists(names)) return(check_labels(names))
  if (endsWith(ascii_lower(names), ".bim")) {
    return(known_as(list(file = "names"), plain_table(names, 2L, 2L)[[1L]]))
  }
  names <- readLines(names, warn = FALSE)
  trimws(names[nzchar(names)])
}

rds_ld <- function(file) {
  LD <- read_rds(file, "file")
  if (is_sparse(LD)) {
    check_valid(LD, "file")
    # Half of a symmetric matrix.
    if (methods::is(LD, "triangularMatrix")) LD <- getExportedValue("Matrix", "forceSymmetric")(LD)
    return(LD)
  }
  from_file("file", file, as_numeric_matrix(LD, name = "file"))
}

text_ld <- function(file) {
  complain <- \(e) stop_mnmash("file", "`file`: cannot read '", file, "': ", conditionMessage(e))
  line <- tryCatch(table_head(file)$line, error = complain)
  words <- table_names(trimws(line), if (grepl(",", line, fixed = TRUE)) "," else "")
  if (any(c("SNP_A", "ID_A", "CHR_A", "#CHROM_A") %in% words)) {
    stop_mnmash(
      "file", "`file`: '", file, "' is a table of pairs: let PLINK write a matrix (`--r square`)"
    )
  }
  if (anyNA(suppressWarnings(as.numeric(words[ascii_lower(words) != "nan"])))) {
    return(text_with_names(file, words))
  }
  separator <- if (grepl(",", line, fixed = TRUE)) "," else ""
  x <- tryCatch(
    scan(file, sep = separator, quiet = TRUE, na.strings = c("NA", "nan", "-nan")),
    error = complain
  )
  square_of(x, file)
}

# With a line of names, and perhaps names before each row.
text_with_names <- function(file, words) {
  table <- read_table(file, "`file`")
  first <- table[[1L]]
  rows <- if (!is.numeric(first)) name_text(first)
  if (!is.null(rows)) table <- table[-1L]
  LD <- from_file("file", file, as_numeric_matrix(table, name = "file"))
  rownames(LD) <- rows %||% colnames(LD)
  LD
}

# All of a matrix, or its rows up to the diagonal.
square_of <- function(x, file, p = 0L) {
  n <- length(x)
  all <- round(sqrt(n))
  half <- round((sqrt(8 * n + 1) - 1) / 2)
  if (all^2 == n && (!p || p == all)) return(matrix(x, all, all, byrow = TRUE))
  if (half * (half + 1) / 2 != n || p && p != half) {
    stop_mnmash(
      "file", "`file`: '", file, "' has ", number(n), " numbers, which are no matrix of ",
      if (p) paste0(p, " variants, those of `names`") else
        "correlations: neither a square nor the half of one"
    )
  }
  LD <- matrix(0, half, half)
  # By rows of the lower triangle, which are columns of the upper one.
  LD[upper.tri(LD, diag = TRUE)] <- x
  LD[lower.tri(LD)] <- t(LD)[lower.tri(LD)]
  LD
}

# Numbers of 8 or 4 bytes; no number of them is a square either way.
binary_ld <- function(file, p) {
  size <- file.size(file)
  whole <- \(n) n == round(n) && (round(sqrt(n))^2 == n || p && n == p * (p + 1) / 2)
  right <- \(n) if (p) n %in% c(p^2, p * (p + 1) / 2) else whole(n)
  bytes <- Find(\(bytes) right(size / bytes), c(8L, 4L))
  if (is.null(bytes)) {
    stop_mnmash(
      "file", "`file`: '", file, "' has ", number(size), " bytes, which are no matrix of ",
      if (p) paste0(p, " variants, those of `names`") else "numbers of 8 or 4 bytes"
    )
  }
  square_of(readBin(file, "numeric", size / bytes, bytes, endian = "little"), file, p)
}

named_ld <- function(LD, names, file) {
  if (nrow(LD) != ncol(LD)) {
    stop_mnmash(
      "dimension", "`file`: '", file, "' must hold a square matrix, not ", describe_dim(LD)
    )
  }
  if (is.null(names)) names <- square_names(LD, "file", "variant")
  if (is.null(names)) {
    stop_mnmash(
      "names", "`file`: '", file, "' does not name its variants: give `names`, or the file that ",
      "has them (PLINK's .bim or .vars)"
    )
  }
  if (length(names) != nrow(LD)) {
    stop_mnmash(
      "dimension", "`names` are ", length(names), ", but '", file, "' is of ", nrow(LD),
      " variants"
    )
  }
  check_labels(names, "names")
  dimnames(LD) <- list(names, names)
  LD
}

# Without variants that do not vary, whose correlations are no numbers.
with_numbers <- function(LD) {
  if (is_sparse(LD) || !anyNA(LD)) return(LD)
  known <- !is.na(LD)
  diag(known) <- FALSE
  constant <- rowSums(known) == 0 & nrow(LD) > 1L
  if (any(constant)) {
    tell_once(
      "`file`: ", sum(constant), " variants have no correlations, and are left out (",
      first_few(rownames(LD)[constant], 3L), "): they do not vary"
    )
    LD <- LD[!constant, !constant, drop = FALSE]
  }
  if (anyNA(LD)) {
    stop_mnmash(
      "missing", "`file`: the correlation at ", describe_cell(LD, which(is.na(LD))[1L]),
      " is no number", and_more(sum(is.na(LD))), ": leave the variant out (`variants`)"
    )
  }
  LD
}
