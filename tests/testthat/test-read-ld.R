# LD from files.

ld_example <- function(p = 5) {
  set.seed(1)
  X <- matrix(rnorm(40 * p), 40)
  X[, 2] <- X[, 1] + X[, 2]
  LD <- cor(X)
  dimnames(LD) <- rep(list(paste0("rs", seq_len(p))), 2)
  LD
}

written <- function(lines, ending, env = parent.frame()) {
  file <- withr::local_tempfile(fileext = ending, .local_envir = env)
  connection <- if (endsWith(ending, ".gz")) gzfile(file, "w") else file(file, "w")
  writeLines(lines, connection)
  close(connection)
  file
}

rows_of <- function(LD, separator = "\t") {
  apply(LD, 1, \(x) paste(format(x, digits = 15), collapse = separator))
}

test_that("text is read with any separator, packed, whole or by half", {
  LD <- ld_example()
  names <- rownames(LD)
  for (ending in c(".ld", ".ld.gz", ".txt")) {
    for (separator in c("\t", " ", ",")) {
      file <- written(rows_of(LD, separator), ending)
      expect_equal(read_ld(file, names = names), LD, tolerance = 1e-12)
    }
  }
  half <- vapply(1:5, \(i) paste(format(LD[i, 1:i], digits = 15), collapse = "\t"), "")
  expect_equal(read_ld(written(half, ".ld"), names = names), LD, tolerance = 1e-12)
  expect_identical(rownames(read_ld(file, names, variants = c("rs4", "rs2", "none"))),
                   c("rs4", "rs2"))
})

test_that("numbers of 8 and of 4 bytes are told apart by the size of the file", {
  LD <- ld_example()
  for (bytes in c(8L, 4L)) {
    for (half in c(FALSE, TRUE)) {
      file <- withr::local_tempfile(fileext = ".bin")
      writeBin(if (half) LD[upper.tri(LD, TRUE)] else c(LD), file, size = bytes, endian = "little")
      writeLines(rownames(LD), paste0(file, ".vars"))
      expect_equal(read_ld(file), LD, tolerance = if (bytes == 8L) 1e-15 else 1e-6)
      unlink(paste0(file, ".vars"))
      if (!half) expect_equal(read_ld(file, rownames(LD)), LD, tolerance = 1e-6)
    }
  }
  expect_error(read_ld(file, paste0("v", 1:6)), "6 variants", class = "mnmash_error_file")
})

test_that("names come from the head, the file beside, .bim, or the user", {
  LD <- ld_example()
  headed <- c(paste(rownames(LD), collapse = "\t"), rows_of(LD))
  expect_equal(read_ld(written(headed, ".tsv")), LD, tolerance = 1e-12)
  labelled <- c(paste(c("variant", rownames(LD)), collapse = "\t"),
                paste(rownames(LD), rows_of(LD), sep = "\t"))
  expect_equal(read_ld(written(labelled, ".tsv")), LD, tolerance = 1e-12)
  file <- written(rows_of(LD), ".ld")
  bim <- written(paste(1, rownames(LD), 0, 1:5, "A", "G", sep = "\t"), ".bim")
  expect_equal(read_ld(file, bim), LD, tolerance = 1e-12)
  snplist <- written(rownames(LD), ".snplist")
  expect_equal(read_ld(file, snplist), LD, tolerance = 1e-12)
  expect_error(read_ld(file), "`names`", class = "mnmash_error_names")
  expect_error(read_ld(file, names = paste0("v", 1:4)), "are 4, but.*of 5",
               class = "mnmash_error_dimension")
  expect_error(read_ld(file, names = rep("v", 5)), "twice", class = "mnmash_error_names")
})

test_that(".rds files hold matrices of R or of package Matrix", {
  LD <- ld_example()
  file <- withr::local_tempfile(fileext = ".rds")
  saveRDS(LD, file)
  expect_identical(read_ld(file), LD)
  skip_if_not_installed("Matrix")
  for (kind in c("generalMatrix", "symmetricMatrix", "triangularMatrix")) {
    M <- Matrix::Matrix(LD, sparse = TRUE)
    if (kind == "triangularMatrix") M <- Matrix::triu(M)
    if (kind == "generalMatrix") M <- methods::as(M, kind)
    saveRDS(M, file)
    found <- read_ld(file)
    expect_s4_class(found, "Matrix")
    expect_equal(as.matrix(found), LD)
    data <- finemap_sumstats(stats::setNames(rnorm(5), rownames(LD)), found, 100)
    expect_equal(data$LD, LD, ignore_attr = TRUE)
  }
})

test_that("variants that do not vary are left out, other gaps are errors", {
  LD <- ld_example()
  constant <- LD
  constant[3, ] <- constant[, 3] <- NaN
  file <- written(gsub("NaN", "nan", rows_of(constant)), ".ld")
  expect_message(found <- read_ld(file, rownames(LD)), "1 variants.*rs3")
  expect_equal(found, LD[-3, -3], tolerance = 1e-12)
  gap <- LD
  gap[2, 4] <- gap[4, 2] <- NaN
  file <- written(rows_of(gap), ".ld")
  expect_error(read_ld(file, rownames(LD)), "rs4", class = "mnmash_error_missing")
  expect_equal(read_ld(file, rownames(LD), variants = paste0("rs", c(1:3, 5))), LD[-4, -4],
               tolerance = 1e-12)
})

test_that("what is no matrix of correlations is said", {
  pairs <- written(c(" CHR_A BP_A SNP_A CHR_B BP_B SNP_B R", " 1 1 a 1 2 b 0.5"), ".ld")
  expect_error(read_ld(pairs), "--r square", class = "mnmash_error_file")
  expect_error(read_ld(written(c("1 0.5", "0.5"), ".ld"), c("a", "b")), NA)
  expect_error(read_ld(written(c("1 0.5", "0.5 1", "1"), ".ld"), c("a", "b")), "neither",
               class = "mnmash_error_file")
  expect_error(read_ld(written("x", ".npz")), "npz", class = "mnmash_error_file")
  expect_error(read_ld("no such file"), "no file", class = "mnmash_error_file")
  expect_error(read_ld(1), "`file`", class = "mnmash_error_type")
})
