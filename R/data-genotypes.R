# Reading genotypes: plain matrices and tables, and PLINK's binary files.

#' Read genotypes
#'
#' Reads dosages of variants, from
#' - PLINK's binary files: `<name>.bed` with `<name>.bim` and `<name>.fam`, by the name with or
#'   without `.bed`. Only the wanted variants are read. The allele that is counted is the first of
#'   the `.bim` file; variants have the names they have there;
#' - text written by `plink --export A` (`.raw`), whose variants lose the allele at the end of
#'   their names;
#' - any other text (tabs, blanks or commas between columns; also `.gz`) or `.parquet` table with
#'   the samples in the first column and a column for each variant; see [mash_input()] for what
#'   reads them;
#' - an `.rds` file with a matrix or a data frame, samples in rows and variants in columns, or the
#'   other way round if its rows only have names.
#'
#' @param file the name of the file.
#' @param variants names of the variants to read; for PLINK's binary files also numbers. Those that
#'   the file does not have are passed over. Default: all.
#' @param region `"chromosome:from-to"`: only variants there. Where they are is read from the `.bim`
#'   file or from their names, such as `chr1:1234:A:G` or `1_1234_A_G`.
#' @param impute put the mean of its variant in the place of a missing dosage, as regressions and
#'   [finemap_data()] need; that is said. A variant without any value becomes 0.
#' @inheritParams shared_arguments
#'
#' @return A matrix of dosages, samples x variants, with names, `NA` where missing.
#' @seealso [ld_prune()]; [genotype_blocks()] for more variants than fit in memory:
#'   `genotype_blocks(p, \(columns) read_genotypes("study.bed", columns))`.
#' @export
#' @examples
#' file <- tempfile(fileext = ".tsv")
#' writeLines(c("sample\tv1\tv2", "a\t0\t1", "b\t2\tNA"), file)
#' read_genotypes(file)
read_genotypes <- function(file, variants = NULL, region = NULL, impute = FALSE, ...) {
  take_dots(...)
  check_flag(impute)
  X <- genotypes_of(file, variants, region)
  if (impute && anyNA(X)) {
    tell_once(
      as_typed("file"), ": means of their variants stand for ", number(sum(is.na(X))),
      " missing genotypes (", format(100 * mean(is.na(X)), digits = 2), "%)"
    )
    X <- put_in_means(X)
  }
  X
}

genotypes_of <- function(file, variants, region) {
  if (!is_file_name(file)) stop_mnmash("type", as_typed("file"), " must be the name of one file")
  if (!is.null(region)) region <- parse_region(region)
  check_variants(variants)
  stem <- sub("[.]bed$", "", file)
  if (endsWith(file, ".bed") || (!file.exists(file) && file.exists(paste0(file, ".bed")))) {
    return(read_plink(stem, variants, region))
  }
  if (!file.exists(file) || dir.exists(file)) {
    stop_mnmash("file", as_typed("file"), ": there is no file '", file, "'")
  }
  refuse_format(file)
  X <- if (grepl("[.]rds$", ascii_lower(file))) rds_genotypes(file) else text_genotypes(file)
  check_finite(X, name = "file")
  X <- wanted_columns(X, variants)
  if (is.null(region)) X else X[, in_region(colnames(X), region), drop = FALSE]
}

# Formats of genotypes that would be taken for tables.
refuse_format <- function(file) {
  ending <- sub("^.*[.]([a-z0-9]+)$", "\\1", sub("[.](gz|bgz)$", "", ascii_lower(file)))
  if (!ending %in% c("vcf", "bcf", "traw", "pgen", "bgen", "ped", "tped", "gen", "haps", "gds")) {
    return(invisible())
  }
  stop_mnmash(
    "file", as_typed("file"), ": '", file, "' is of a format (.", ending, ") that is not read ",
    "here: convert it to PLINK's binary files, such as by `plink2 --make-bed`, or write dosages ",
    "as a table"
  )
}

rds_genotypes <- function(file) {
  X <- read_rds(file, "file")
  X <- from_file("file", file, as_numeric_matrix(X, name = "file"))
  if (is.null(colnames(X)) && !is.null(rownames(X))) t(X) else X
}

text_genotypes <- function(file) {
  table <- read_table(file, as_typed("file"))
  if (grepl("[.]raw([.]gz)?$", ascii_lower(file))) {
    described <- names(table) %in% c("FID", "IID", "PAT", "MAT", "SEX", "PHENOTYPE")
    samples <- table[["IID"]]
    table <- table[!described]
    names(table) <- sub("_[A-Za-z0-9*]+$", "", names(table))
  } else {
    samples <- table[[1L]]
    table <- table[-1L]
  }
  X <- from_file("file", file, as_numeric_matrix(table, name = "file"))
  rownames(X) <- name_text(samples)
  X
}

# The format: https://www.cog-genomics.org/plink/1.9/formats#bed
read_plink <- function(stem, variants, region) {
  files <- plink_files(stem)
  bim <- plain_table(files[2L], 6L, c(1L, 2L, 4L))
  samples <- plain_table(files[3L], 2L, 2L)[[1L]]
  n <- length(samples)
  p <- nrow(bim)
  bytes <- (n + 3) %/% 4
  check_bed(files, n, p)
  connection <- file(files[1L], "rb")
  on.exit(close(connection))
  at <- if (is.null(variants)) {
    seq_len(p)
  } else if (is.numeric(variants)) {
    variants[variants %in% seq_len(p)]
  } else {
    match(intersect(variants, bim[[2L]]), bim[[2L]])
  }
  if (!is.null(region)) {
    bad <- which(is.na(suppressWarnings(as.numeric(bim[[3L]]))))
    if (length(bad)) {
      stop_mnmash(
        "file", as_typed("file"), ": '", files[2L], "' has a position that is no number in line ",
        bad[1L], ": \"", bim[[3L]][bad[1L]], "\"", and_more(length(bad)),
        "; mend it, or do without `region`"
      )
    }
    at <- at[inside(bim[at, 1L], bim[at, 3L], region)]
  }
  X <- matrix(NA_real_, n, length(at), dimnames = list(samples, bim[at, 2L]))
  for (k in seq_along(at)) {
    if (k == 1L || at[k] != at[k - 1L] + 1L) seek(connection, 3 + (at[k] - 1) * bytes)
    codes <- as.integer(readBin(connection, "raw", bytes))
    X[, k] <- plink_dosage[, codes + 1L][seq_len(n)]
  }
  X
}

# The three files of one name.
plink_files <- function(stem) {
  files <- paste0(stem, c(".bed", ".bim", ".fam"))
  absent <- !file.exists(files)
  if (any(absent)) {
    stop_mnmash("file", as_typed("file"), ": there is no file '", files[absent][1L], "'")
  }
  files
}

# Whether the first of them is what the others say: n samples of p variants.
check_bed <- function(files, n, p) {
  head <- readBin(files[1L], "raw", 3L)
  if (!identical(head, as.raw(c(0x6c, 0x1b, 0x01)))) {
    stop_mnmash(
      "file", as_typed("file"), ": '", files[1L], "' is no .bed file with a variant after the other"
    )
  }
  bytes <- 3 + (n + 3) %/% 4 * p
  if (file.size(files[1L]) != bytes) {
    stop_mnmash(
      "file", as_typed("file"), ": '", files[1L], "' has ", file.size(files[1L]), " bytes, but ", n,
      " samples (.fam) and ", p, " variants (.bim) take ", bytes
    )
  }
}

# Dosages of the four samples in a byte, lowest bits first: 0 two copies of the first allele, 1
# missing, 2 one copy, 3 none.
plink_dosage <- vapply(0:255, \(byte) {
  c(2, NA, 1, 0)[bitwAnd(bitwShiftR(byte, c(0L, 2L, 4L, 6L)), 3L) + 1L]
}, numeric(4))

# Some columns of a table without header, separated by blanks or tabs.
plain_table <- function(file, width, columns) {
  what <- rep(list(NULL), width)
  what[columns] <- list("")
  complain <- \(e) stop_mnmash(
    "file", as_typed("file"), ": cannot read '", file, "': ", conditionMessage(e)
  )
  found <- tryCatch(
    scan(
      file, what, quiet = TRUE, flush = TRUE, comment.char = "", quote = "", multi.line = FALSE
    ),
    error = complain, warning = complain
  )
  as.data.frame(found[columns], col.names = paste0("V", columns))
}

parse_region <- function(region) {
  known <- is_file_name(region)
  parts <- if (known) {
    regmatches(region, regexec("^(?:chr)?([^:]+):([0-9,]+)-([0-9,]+)$", region, perl = TRUE))[[1L]]
  }
  bounds <- as.numeric(gsub(",", "", parts[3:4]))
  if (length(parts) != 4L || anyNA(bounds) || bounds[1L] > bounds[2L]) {
    stop_mnmash(
      "argument", "`region` must be \"chromosome:from-to\", such as \"chr1:10000-20000\"",
      if (known) paste0("; not \"", region, "\"")
    )
  }
  list(chromosome = parts[2L], from = bounds[1L], to = bounds[2L])
}

inside <- function(chromosome, position, region) {
  position <- as.numeric(position)
  sub("^chr", "", chromosome) == region$chromosome & position >= region$from &
    position <= region$to
}

# Which variants are in a region, by their names.
in_region <- function(names, region) {
  place <- variant_places(names)
  known <- !is.na(place$position)
  if (length(names) && !any(known)) {
    stop_mnmash(
      "names", "`region`: names of variants, such as \"", names[1L],
      "\", do not say where they are (\"chr1:1234:A:G\" does)"
    )
  }
  known & inside(place$chromosome, place$position, region)
}

# Names or numbers of variants, or NULL for all.
check_variants <- function(variants) {
  if (is.null(variants)) return(invisible())
  if (!is.numeric(variants)) return(invisible(check_labels(variants)))
  if (!length(variants) || !all(is.finite(variants)) || any(variants < 1) ||
        any(variants != round(variants)) || anyDuplicated(variants)) {
    stop_mnmash("argument", "`variants` must be distinct names, or numbers of columns")
  }
}

wanted_columns <- function(X, variants) {
  if (is.null(variants)) return(X)
  check_names_or_numbers(variants)
  at <- match(variants, if (is.numeric(variants)) seq_len(ncol(X)) else colnames(X))
  X[, at[!is.na(at)], drop = FALSE]
}
