# Tables of associations, whole or of one region.

#' Read the associations of a region
#'
#' Reads a table of associations, or the rows of one region. Where the file is compressed in blocks
#' and has an index (`.tbi` or `.csi`, as tabix makes them), only these are read, by the package
#' seqminer or Rsamtools; otherwise the whole file is read, and rows are picked.
#'
#' @param file the name of a file: see [mash_input()] for what is read; GWAS-VCF too, whose values
#'   become columns.
#' @param region `"chromosome:from-to"`, with or without `chr`. Default: all rows.
#' @param columns where `chromosome` and `position` are, if the columns have no usual names; or the
#'   name of a layout, as in [harmonise_alleles()]. Only without an index.
#' @inheritParams shared_arguments
#'
#' @return A data frame as the file has it. P-values are text where one is too small for a number
#'   (below 1e-300), which [harmonise_alleles()] and [mash_input()] understand.
#' @section Errors:
#' A file with an index where neither package is installed (`mnmash_error_package`), tables without
#' chromosome and position, regions of another form.
#' @seealso [harmonise_alleles()], [read_genotypes()]
#' @export
#' @examples
#' file <- tempfile(fileext = ".tsv")
#' writeLines(c("chr\tpos\trsid\tbeta\tse", "1\t100\trs1\t0.1\t0.05", "2\t50\trs2\t0\t0.05"), file)
#' read_statistics(file, "chr1:1-1000")
read_statistics <- function(file, region = NULL, columns = NULL, ...) {
  take_dots(...)
  if (!is_file_name(file)) stop_mnmash("type", "`file` must be the name of one file")
  if (!file.exists(file) || dir.exists(file)) {
    stop_mnmash("file", "`file`: there is no file '", file, "'")
  }
  columns <- check_columns(columns, c("chromosome", "position"))
  where <- "`file`"
  if (!is.null(region)) {
    region <- parse_region(region)
    if (any(file.exists(paste0(file, c(".tbi", ".csi"))))) {
      return(short_p(vcf_columns(indexed_rows(file, region), where)))
    }
  }
  table <- read_table(file, where, text = \(names) text_places(names, list(), where))
  if (!is.null(region)) {
    given <- columns_of(columns, names(table))
    at <- lapply(stats::setNames(nm = c("chromosome", "position")), \(role) {
      found <- pick_column(table, role, given[[role]], where)
      if (is.null(found)) lacks(where, role, table)
      found
    })
    chromosome <- chromosome_name(name_text(at$chromosome))
    region$chromosome <- chromosome_name(region$chromosome)
    rows <- which(inside(chromosome, numbers_of(at$position, where, "position"), region))
    table <- table[rows, , drop = FALSE]
    rownames(table) <- NULL
  }
  short_p(vcf_columns(table, where))
}

# P-values as numbers, where none is too small for that.
short_p <- function(table) {
  at <- match(usual_columns$p, ascii_lower(names(table)))
  for (j in at[!is.na(at)]) {
    p <- table[[j]]
    if (!is.character(p)) next
    number <- suppressWarnings(as.numeric(p))
    if (!any(is.na(number) & !is.na(p)) && !any(number < 1e-300, na.rm = TRUE)) table[[j]] <- number
  }
  table
}

# The rows of a region by the index of a file.
indexed_rows <- function(file, region) {
  head <- table_head(file)
  names <- table_names(head$line, "\t")
  lines <- indexed_lines(file, region)
  if (!length(lines)) {
    return(as.data.frame(
      stats::setNames(rep(list(character()), length(names)), names), check.names = FALSE,
      optional = TRUE
    ))
  }
  text <- text_places(names, list(), "`file`")
  classes <- rep(NA_character_, length(names))
  classes[text] <- "character"
  utils::read.table(
    text = lines, header = FALSE, sep = "\t", quote = "", comment.char = "", col.names = names,
    check.names = FALSE, na.strings = c("NA", "", "NaN", "."), colClasses = classes
  )
}

# Chromosomes are called as the file has them, with "chr" or without.
indexed_lines <- function(file, region) {
  complain <- \(e) stop_mnmash("file", "`file`: cannot read '", file, "': ", conditionMessage(e))
  named <- paste0(c("", "chr"), region$chromosome)
  by_text <- reader_of("seqminer", "tabix.read")
  if (!is.null(by_text)) {
    for (name in named) {
      lines <- tryCatch(
        by_text(file, sprintf("%s:%.0f-%.0f", name, region$from, region$to)), error = complain
      )
      if (length(lines)) return(lines)
    }
    return(character())
  }
  scan_index <- reader_of("Rsamtools", "scanTabix")
  if (is.null(scan_index)) {
    stop_mnmash(
      "package", "`file`: to read a region of '", file, "' by its index one of the packages ",
      "seqminer and Rsamtools must be installed; or write the rows to a file by `tabix -h`"
    )
  }
  tryCatch({
    known <- intersect(named, reader_of("Rsamtools", "headerTabix")(file)$seqnames)
    if (!length(known)) return(character())
    range <- reader_of("IRanges", "IRanges")(region$from, region$to)
    unlist(scan_index(file, param = reader_of("GenomicRanges", "GRanges")(known[1L], range)),
           use.names = FALSE)
  }, error = complain)
}
