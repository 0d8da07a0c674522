# Associations of a region.

region_table <- function() {
  data.frame(
    chr = rep(c("chr1", "chr2"), each = 4), pos = rep(c(100, 200, 300, 400), 2),
    rsid = paste0("rs", 1:8), effect_allele = "T", other_allele = "C", beta = (1:8) / 10,
    se = 0.05, pval = c(0.5, 1e-20, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
  )
}

test_that("a region is picked from a whole file, with chr or without", {
  file <- withr::local_tempfile(fileext = ".tsv")
  write_results(region_table(), file)
  expect_identical(read_statistics(file)$rsid, paste0("rs", 1:8))
  for (region in c("chr2:150-300", "2:150-300")) {
    found <- read_statistics(file, region)
    expect_identical(found$rsid, c("rs6", "rs7"))
    expect_identical(found$effect_allele, c("T", "T"))
    expect_identical(found$pval, c(0.4, 0.5))
  }
  expect_identical(nrow(read_statistics(file, "3:1-500")), 0L)
  other <- stats::setNames(region_table(), c("where", "at", names(region_table())[-(1:2)]))
  write_results(other, file)
  expect_error(read_statistics(file, "2:1-9"), "`chromosome`", class = "mnmash_error_argument")
  expect_identical(
    read_statistics(file, "2:150-300", list(chromosome = "where", position = "at"))$rsid,
    c("rs6", "rs7")
  )
  expect_error(read_statistics(file, "2"), "`region`", class = "mnmash_error_argument")
})

test_that("p-values that are no numbers stay text", {
  file <- withr::local_tempfile(fileext = ".tsv")
  table <- region_table()
  table$pval <- as.character(table$pval)
  table$pval[2] <- "1e-400"
  write_results(table, file)
  expect_identical(read_statistics(file)$pval[2], "1e-400")
})

test_that("files with an index need a package that reads it", {
  skip_if(any(vapply(c("seqminer", "Rsamtools"), requireNamespace, NA, quietly = TRUE)))
  file <- withr::local_tempfile(fileext = ".tsv.gz")
  write_results(region_table(), file)
  file.create(paste0(file, ".tbi"))
  withr::defer(unlink(paste0(file, ".tbi")))
  expect_error(read_statistics(file, "1:1-500"), "seqminer", class = "mnmash_error_package")
  # All rows need no index.
  expect_identical(nrow(read_statistics(file)), 8L)
})

# In the place of what looks for packages.
put_reader <- function(reader) {
  namespace <- asNamespace("mnmash")
  unlockBinding("reader_of", namespace)
  assign("reader_of", reader, namespace)
  lockBinding("reader_of", namespace)
}

test_that("rows that an index finds are those of the whole file", {
  table <- region_table()
  names(table)[1] <- "#chrom"
  file <- withr::local_tempfile(fileext = ".tsv.gz")
  write_results(table, file)
  whole <- read_statistics(file, "chr2:150-300")
  file.create(paste0(file, ".tbi"))
  withr::defer(unlink(paste0(file, ".tbi")))
  lines <- readLines(file)
  # What tabix finds in this file: chromosomes must be called as there.
  tabix <- function(file, range) {
    part <- regmatches(range, regexec("^(.*):([0-9]+)-([0-9]+)$", range))[[1]]
    cells <- strsplit(lines[-1], "\t", fixed = TRUE)
    position <- as.numeric(vapply(cells, `[`, "", 2))
    lines[-1][vapply(cells, `[`, "", 1) == part[2] & position >= as.numeric(part[3]) &
                position <= as.numeric(part[4])]
  }
  found_before <- reader_of
  withr::defer(put_reader(found_before))
  for (package in c("seqminer", "Rsamtools")) {
    reader <- function(package_name, name) {
      if (package_name == "seqminer" && package == "seqminer") return(tabix)
      if (package == "seqminer" || package_name == "seqminer") return(NULL)
      switch(
        name,
        scanTabix = \(file, param) list(a = tabix(file, param)),
        headerTabix = \(file) list(seqnames = c("chr1", "chr2")),
        IRanges = \(from, to) c(from, to),
        GRanges = \(name, range) sprintf("%s:%.0f-%.0f", name, range[1], range[2])
      )
    }
    put_reader(reader)
    for (region in c("chr2:150-300", "2:150-300")) {
      found <- read_statistics(file, region)
      expect_equal(found, whole, ignore_attr = "row.names")
    }
    expect_identical(nrow(read_statistics(file, "7:1-100")), 0L)
  }
})
