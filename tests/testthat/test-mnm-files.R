# Regions in files: genotypes in two bits, tables, and what may be wrong with them.

# Writes dosages (samples x variants, NA where missing) as PLINK's three files.
write_plink <- function(X, stem, position = seq_len(ncol(X))) {
  code <- c(3L, 2L, 0L)[X + 1L]
  code[is.na(code)] <- 1L
  code <- matrix(code, nrow(X))
  pad <- (4L - nrow(X) %% 4L) %% 4L
  code <- rbind(code, matrix(0L, pad, ncol(X)))
  bytes <- colSums(matrix(code, 4L) * c(1, 4, 16, 64))
  writeBin(as.raw(c(0x6c, 0x1b, 0x01, bytes)), paste0(stem, ".bed"))
  writeLines(paste(1, colnames(X), 0, position, "A", "G", sep = "\t"), paste0(stem, ".bim"))
  writeLines(paste(rownames(X), rownames(X), 0, 0, 0, -9), paste0(stem, ".fam"))
}

packed_genome <- function(n = 61, p = 60) {
  withr::local_seed(3)
  X <- matrix(rbinom(n * p, 2, 0.3), n, dimnames = list(paste0("s", 1:n), paste0("v", 1:p)))
  X[sample(length(X), 20)] <- NA
  full <- put_in_means(X)
  Y <- full[, c(10, 45)] %*% matrix(c(0.8, 0.8, 0.7, 0), 2) + matrix(rnorm(2 * n), n)
  dimnames(Y) <- list(rownames(X), c("t1", "t2"))
  list(X = X, full = full, Y = Y)
}

test_that("genotypes in two bits are the dosages that read_genotypes() reads", {
  genome <- packed_genome()
  stem <- withr::local_tempfile()
  write_plink(genome$X, stem)
  expect_identical(read_genotypes(stem), genome$X + 0)
  # Other samples, in another order, than the file has.
  Y <- genome$Y[c(60, 3:50), ]
  table <- data.frame(region = c("a", "b"), X = stem, range = c("1:1-30", "chr1:31-60"))
  phenotypes <- withr::local_tempfile(fileext = ".tsv")
  utils::write.table(
    data.frame(sample = rownames(Y), Y), phenotypes, sep = "\t", quote = FALSE, row.names = FALSE
  )
  table$Y <- phenotypes
  found <- mnm(table, rounds = 0)
  samples <- intersect(rownames(genome$X), rownames(Y))
  X <- put_in_means(genome$X[samples, ])
  known <- lapply(list(a = 1:30, b = 31:60), \(at) list(X = X[, at], Y = Y[samples, ]))
  expected <- mnm(known, rounds = 0)
  expect_equal(found$effects, expected$effects, tolerance = 1e-6)
  expect_equal(found$calls, expected$calls, tolerance = 1e-4)
  new <- predict(found, stem)
  expect_equal(new$b, predict(expected, list(b = genome$full[, 31:60]))$b, tolerance = 1e-6)
  # Nothing kept in memory: the same.
  slim <- mnm(mnm_regions(table, keep = 0), rounds = 0)
  expect_identical(slim$effects, found$effects)
})

test_that("the tables of a .bed file are read once, and regions without variants are listed", {
  genome <- packed_genome()
  stem <- withr::local_tempfile()
  write_plink(genome$X, stem)
  regions <- list(
    a = list(X = stem, Y = genome$Y, range = "1:1-30"),
    b = list(X = stem, Y = genome$Y, variants = paste0("v", c(40, 52, 41))),
    none = list(X = stem, Y = genome$Y, range = "2:1-30")
  )
  reads <- 0
  with_replaced("index_plink", \(original) \(stem) {
    reads <<- reads + 1
    original(stem)
  }, found <- mnm_regions(regions))
  expect_identical(reads, 1)
  expect_identical(found$table$p, c(30, 3))
  expect_identical(found$failures$region, "none")
  expect_match(found$failures$message, "no variant")
  fit <- mnm_regress(found)
  expect_identical(rownames(fit$fits$b$mean), c("v40", "v41", "v52"))
  # A file that vanishes half-way.
  gone <- mnm_regions(regions[1:2], keep = 0)
  fit <- mnm_regress(gone)
  writeBin(raw(10), paste0(stem, ".bed"))
  expect_error(mnm_regress(gone, start = fit), class = "mnmash_error_region")
})

test_that("the command line writes the job and its tables, and says by an error that regions failed", {
  genome <- packed_genome()
  folder <- withr::local_tempdir()
  write_plink(genome$X, file.path(folder, "study"))
  utils::write.table(
    data.frame(sample = rownames(genome$Y), genome$Y), file.path(folder, "y.tsv"), sep = "\t",
    quote = FALSE, row.names = FALSE
  )
  table <- data.frame(
    region = c("a", "b"), X = "study.bed", Y = "y.tsv", range = c("1:1-30", "1:31-60")
  )
  regions <- file.path(folder, "regions.tsv")
  out <- file.path(folder, "out")
  run <- function(...) {
    utils::write.table(table, regions, sep = "\t", quote = FALSE, row.names = FALSE)
    suppressMessages(run_step("mnm", c(
      "--regions", regions, "--cwd", out, "--rounds", "0", "--threads", "1", ...
    )))
  }
  run()
  fit <- readRDS(file.path(out, "regions.mnm.rds"))
  expect_s3_class(fit, "mnm")
  calls <- utils::read.delim(file.path(out, "regions.mnm.calls.tsv.gz"))
  expect_equal(calls$lfsr, fit$calls$lfsr)
  effects <- utils::read.delim(file.path(out, "regions.mnm.effects.tsv.gz"))
  expect_identical(nrow(effects), 120L)
  # Again: all is there.
  run()
  expect_identical(readRDS(file.path(out, "regions.mnm.rds"))$effects, fit$effects)
  table <- rbind(table, data.frame(region = "c", X = "study.bed", Y = "gone.tsv", range = "1:1-9"))
  expect_error(run("--output-prefix", "more"), "gone.tsv", class = "mnmash_error_region")
  failed <- utils::read.delim(file.path(out, "more.mnm.failures.tsv.gz"))
  expect_identical(failed$region, "c")
  expect_true(file.exists(file.path(out, "more.mnm.sets.tsv.gz")))
})

test_that("a region says once how its responses vary together", {
  set.seed(5)
  Y <- matrix(rnorm(80), 40)
  stats <- list(
    Z = matrix(rnorm(6), 3), LD = diag(3), n = 40, covY = cov(Y), V = cor(Y)
  )
  found <- tryCatch(mnm_regions(list(a = stats)), error = identity)
  expect_s3_class(found, "mnmash_error_argument")
  expect_match(conditionMessage(found), "not both")
  expect_s3_class(mnm_regions(list(a = stats[-5])), "mnm_regions")
})
