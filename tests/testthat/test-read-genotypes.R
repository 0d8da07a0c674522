# Writes PLINK's binary files bit by bit, as its documentation says: samples from the lowest bits
# upwards, 00 two copies of the first allele, 10 one (the higher bit set), 11 none, 01 missing.
write_plink <- function(X, stem, chromosome, position) {
  bits <- function(dosage) {
    if (is.na(dosage)) return(c(1, 0))
    list(c(1, 1), c(0, 1), c(0, 0))[[dosage + 1]]
  }
  bytes <- as.raw(c(108, 27, 1))
  for (k in seq_len(ncol(X))) {
    stream <- unlist(lapply(X[, k], bits))
    stream <- c(stream, rep(0, -length(stream) %% 8))
    bytes <- c(bytes, packBits(as.integer(stream)))
  }
  writeBin(bytes, paste0(stem, ".bed"))
  writeLines(
    paste(chromosome, colnames(X), 0, position, "A", "G", sep = "\t"), paste0(stem, ".bim")
  )
  writeLines(paste(rownames(X), rownames(X), 0, 0, 0, -9), paste0(stem, ".fam"))
}

genotype_case <- function(n = 11, p = 9) {
  set.seed(5)
  X <- matrix(sample(c(0, 1, 2, NA), n * p, TRUE), n)
  dimnames(X) <- list(paste0("s", seq_len(n)), paste0("rs", seq_len(p)))
  X
}

test_that("PLINK's binary files: all variants, some, and those of a region", {
  stem <- withr::local_tempfile()
  for (n in c(11, 12)) {
    X <- genotype_case(n)
    write_plink(X, stem, rep(c("1", "chr2"), c(5, 4)), c(10, 20, 30, 40, 50, 10, 20, 30, 40))
    expect_identical(read_genotypes(stem), X)
    expect_identical(read_genotypes(paste0(stem, ".bed"), c("rs7", "rs2", "none")), X[, c(7, 2)])
    expect_identical(read_genotypes(stem, c(9, 3, 4)), X[, c(9, 3, 4)])
    expect_identical(read_genotypes(stem, region = "chr1:20-40"), X[, 2:4])
    expect_identical(read_genotypes(stem, c("rs9", "rs1"), "2:1-1,000"), X[, 9, drop = FALSE])
  }
  blocks <- genotype_blocks(9, \(columns) read_genotypes(stem, columns), size = 4)
  expect_identical(blocks(3), X[, 9, drop = FALSE])
  writeLines("s1 s1 0 0 0 -9", paste0(stem, ".fam"))
  expect_error(read_genotypes(stem), "39 bytes|30 bytes|bytes, but 1 samples",
    class = "mnmash_error_file")
  unlink(paste0(stem, ".bim"))
  expect_error(read_genotypes(stem), "there is no file '.*bim'", class = "mnmash_error_file")
})

test_that("tables and matrices of dosages", {
  X <- genotype_case()
  colnames(X) <- paste0("chr", rep(1:3, 3), "_", (1:9) * 100, "_A_G")
  folder <- withr::local_tempdir()
  path <- \(name) file.path(folder, name)
  table <- data.frame(sample = rownames(X), X, check.names = FALSE)
  write.table(table, path("x.tsv"), sep = "\t", row.names = FALSE, quote = FALSE)
  write.csv(table, path("x.csv"), row.names = FALSE)
  raw <- data.frame(FID = 1, IID = rownames(X), PAT = 0, MAT = 0, SEX = 1, PHENOTYPE = -9, X)
  names(raw)[-(1:6)] <- paste0(colnames(X), "_G")
  write.table(raw, path("x.raw"), row.names = FALSE, quote = FALSE)
  saveRDS(X, path("x.rds"))
  saveRDS(as.data.frame(X), path("frame.rds"))
  saveRDS(`colnames<-`(t(X), NULL), path("turned.rds"))
  for (name in c("x.tsv", "x.csv", "x.raw", "x.rds", "frame.rds")) {
    expect_identical(read_genotypes(path(name)), X)
    expect_identical(read_genotypes(path(name), region = "chr2:1-500"), X[, c(2, 5)])
  }
  expect_identical(unname(read_genotypes(path("turned.rds"))), unname(X))
  expect_error(read_genotypes(path("no.rds")), "no file", class = "mnmash_error_file")
  expect_error(read_genotypes(path("x.tsv"), region = "2"), "chromosome:from-to")
  writeLines(c("sample\tv1", "a\tAG"), path("y.tsv"))
  expect_error(read_genotypes(path("y.tsv")), "must hold numbers only", class = "mnmash_error_type")
})

test_that("lines of PLINK's files that are short, or positions that are none, are named", {
  stem <- withr::local_tempfile()
  X <- genotype_case()
  write_plink(X, stem, "1", 10 * 1:9)
  bim <- readLines(paste0(stem, ".bim"))
  writeLines(replace(bim, 3, "1 rs3 0"), paste0(stem, ".bim"))
  expect_error(
    read_genotypes(stem), "`file`: cannot read .*bim': line 3", class = "mnmash_error_file"
  )
  writeLines(replace(bim, 3, "1\trs3\t0\tx\tA\tG"), paste0(stem, ".bim"))
  expect_error(
    read_genotypes(stem, region = "1:10-30"),
    "bim' has a position that is no number in line 3: \"x\"", class = "mnmash_error_file"
  )
  expect_identical(read_genotypes(stem), X)
  writeLines(bim, paste0(stem, ".bim"))
  fam <- readLines(paste0(stem, ".fam"))
  writeLines(replace(fam, 11, "s11"), paste0(stem, ".fam"))
  expect_error(read_genotypes(stem), "fam': line 11", class = "mnmash_error_file")
})

test_that("formats that are not read are named, and values that are no dosages refused", {
  folder <- withr::local_tempdir()
  for (ending in c("pgen", "bgen", "vcf", "vcf.gz", "traw")) {
    file <- file.path(folder, paste0("a.", ending))
    writeLines(c("##fileformat=VCFv4.2", "1\t100\trs1\tA\tG"), file)
    expect_error(
      read_genotypes(file), class = "mnmash_error_file",
      "`file`: '.*' is of a format \\([.][a-z]+\\) that is not read here.*make-bed"
    )
  }
  file <- file.path(folder, "a.tsv")
  writeLines(c("s\tv1\tv2", "a\t0\tInf", "b\t1\t1"), file)
  expect_error(read_genotypes(file), "`file` must be finite.*column 2 \\(v2\\)",
               class = "mnmash_error_not_finite")
  writeLines(c("s\tv1\tv2", "a\t0\tx", "b\t1\t1"), file)
  expect_error(read_genotypes(file), "^`file` \\('.*a.tsv'\\) must hold numbers only",
               class = "mnmash_error_type")
})

test_that("missing dosages are replaced by means where that is asked, and in finemap_data()", {
  stem <- withr::local_tempfile()
  X <- genotype_case(n = 30)
  write_plink(X, stem, 1, 1:9)
  means <- apply(X, 2, \(x) replace(x, is.na(x), mean(x, na.rm = TRUE)))
  said <- paste(sum(is.na(X)), "missing genotypes")
  expect_message(found <- read_genotypes(stem, impute = TRUE), said)
  expect_equal(found, means)
  y <- stats::setNames(means[, 4] + rnorm(30), rownames(X))
  expect_message(data <- finemap_data(stem, y[30:1]), paste0("`X`.*", said))
  expect_equal(data$X, means)
  expect_equal(drop(data$Y), y)
  expect_error(finemap_data("no such file", y), "`X`.*no file", class = "mnmash_error_file")
  expect_no_message(read_genotypes(stem, c("rs1", "rs2")))
})
