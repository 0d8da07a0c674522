# Tables of two genes in three conditions, as files.
table_files <- function(folder) {
  set.seed(11)
  vapply(c("liver", "lung", "skin"), \(condition) {
    table <- data.frame(
      gene_id = rep(c("g1", "g2"), each = 30), variant_id = paste0("chr1:", 1:60, ":A:G"),
      slope = rnorm(60) + 8 * (1:60 %in% c(7, 40)), slope_se = 1
    )
    file <- file.path(folder, paste0(condition, ".tsv"))
    utils::write.table(table, file, sep = "\t", row.names = FALSE, quote = FALSE)
    file
  }, "")
}

test_that("mash_input: tables by name or list, and what the function does with them", {
  folder <- withr::local_tempdir()
  files <- table_files(folder)
  out <- file.path(folder, "out")
  direct <- mash_input(files, n_random = 20, n_null = 15, seed = 3)
  common <- c("--n-random", "20", "--n-null", "15", "--seed", "3", "--cwd", out)
  done <- run_cli("mash_input", "--tables", paste0(names(files), "=", files), common)
  expect_identical(done$status, 0L, info = done$said)
  expect_match(done$said, "units +60.*strong +2.*random +40.*null +30")
  expect_identical(readRDS(file.path(out, "mash.mash_input.rds")), direct)
  run_cli("mash-input", "--tables", files, common, "--output-prefix", "files")
  expect_identical(readRDS(file.path(out, "files.mash_input.rds")), direct)
  list <- file.path(folder, "tables.txt")
  writeLines(c("# condition, table", paste(names(files), basename(files))), list)
  run_cli("mash_input", "--table-list", list, common, "--output", file.path(out, "own.rds"))
  expect_identical(readRDS(file.path(out, "own.rds")), direct)

  strong <- file.path(folder, "strong.txt")
  writeLines("g1_chr1:5:A:G", strong)
  done <- run_cli("mash_input", "--tables", files, common, "--columns", "effect=3,se=slope_se",
    "--strong", strong, "--exclude-condition", "skin", "--null-z", "1.5",
    "--independent-variant-list", strong)
  expect_identical(done$status, 0L, info = done$said)
  expect_identical(
    readRDS(file.path(out, "mash.mash_input.rds")),
    mash_input(files[1:2], list(effect = 3, se = "slope_se"), strong = "g1_chr1:5:A:G",
      n_random = 20, n_null = 15, null_z = 1.5, independent = "g1_chr1:5:A:G", seed = 3)
  )
  parts <- file.path(out, c("mash.mash_input.rds", "own.rds"))
  done <- run_cli("bind_mash_input", "--inputs", parts, "--cwd", out, "--output-prefix", "both")
  expect_identical(done$status, 0L, info = done$said)
  expect_identical(
    readRDS(file.path(out, "both.mash_input.rds")),
    bind_mash_input(list(mash = readRDS(parts[1]), own = readRDS(parts[2])))
  )
})

test_that("mash_input: what is wrong is said", {
  folder <- withr::local_tempdir()
  files <- table_files(folder)
  said <- function(...) run_cli("mash_input", "--cwd", folder, ...)
  expect_match(said()$said, "give --tables, condition=file for each condition, or --table-list")
  expect_identical(said()$status, 2L)
  expect_match(said("--tables", "a=no.tsv")$said, "table `a`: there is no file 'no.tsv'")
  expect_match(said("--tables", files, "--columns", "se")$said, "--columns takes words like se=")
  expect_match(said("--tables", files, "--exclude-condition", "x")$said, "no table for \"x\"")
  list <- file.path(folder, "list.txt")
  writeLines("liver", list)
  expect_match(said("--table-list", list)$said, "line 'liver' must be a condition and")
  writeLines("# nothing", list)
  expect_match(said("--table-list", list)$said, "'.*list.txt' is empty")
})

test_that("simulate_mash_input writes a toy that the other steps take", {
  folder <- withr::local_tempdir()
  done <- run_cli("simulate_mash_input", "--n-strong", "30", "--n-random", "60", "--n-null", "50",
    "--n-conditions", "4", "--missing-share", "0.1", "--seed", "1", "--cwd", folder)
  expect_identical(done$status, 0L, info = done$said)
  file <- file.path(folder, "toy.mash_input.rds")
  expect_identical(readRDS(file), simulate_mash_input(30, 60, 50, 4, 0.1, seed = 1))
  done <- run_cli("ud_unconstrained", "--data", file, "--cwd", folder, "--output-prefix", "toy",
    "--mixture-components", "pca", "canonical", "--scale-only", "canonical", "--ud-tol-lik", "0.1",
    "--ud-method", "ed", "--effect-model", "EZ")
  expect_identical(done$status, 0L, info = done$said)
  prior <- readRDS(file.path(folder, "toy.EZ.prior.rds"))
  direct <- mixture_prior(file, "ud", c("pca", "canonical"), "EZ", scale_only = "canonical",
    V = "simple", ud_tol_lik = 0.1, verbose = FALSE)
  expect_identical(prior, direct)
  expect_true("UD_tPCA" %in% prior$refined)
  expect_true(all(c("PCA_1", "tPCA", "identity") %in% names(prior$U)))
})

test_that("a residual correlation for each gene, from a list of genes or of files", {
  folder <- withr::local_tempdir()
  set.seed(12)
  z <- matrix(rnorm(240), 80) %*% chol(0.5 + diag(0.5, 3))
  dimnames(z) <- list(paste0(rep(c("g1", "g2"), each = 40), "_v", 1:80), c("a", "b", "c"))
  x <- list(
    null.b = z[c(1:30, 41:60), ], null.s = unname(z[1:50, ] * 0 + 1),
    random.b = z[c(21:40, 51:80), ], random.s = unname(z[1:50, ] * 0 + 1)
  )
  file <- file.path(folder, "in.rds")
  saveRDS(x, file)
  genes <- file.path(folder, "genes.txt")
  writeLines(c("g2", "\"g1\""), genes)
  done <- run_cli("vhat_simple_specific", "--data", file, "--gene-list", genes, "--cwd", folder,
    "--util-script", "query.R")
  expect_identical(done$status, 0L, info = done$said)
  expect_match(done$said, "--util-script has no effect")
  V <- readRDS(file.path(folder, "in.EE.V_vhat_simple_specific.rds"))
  # Each unit once, those with all |z| < 2; covariances as they are, as the workflows have it.
  by_hand <- function(rows) {
    own <- z[rows, ][apply(abs(z[rows, ]), 1, max) < 2, ]
    `diag<-`(cov(own), 1)
  }
  expect_equal(V[, , "g1"], by_hand(1:40), tolerance = 1e-12)
  expect_equal(V[, , "g2"], by_hand(41:80), tolerance = 1e-12)
  for (g in c("g1", "g2")) {
    rows <- if (g == "g1") 1:40 else 41:80
    saveRDS(list(bhat = z[rows, ], sbhat = z[rows, ] * 0 + 1), file.path(folder, paste0(g, ".rds")))
  }
  writeLines(file.path(folder, c("g2.rds", "g1.rds")), genes)
  own <- file.path(folder, "V.rds")
  done <- run_cli("vhat-simple-specific", "--gene-list", genes, "--output", own)
  expect_identical(done$status, 0L, info = done$said)
  expect_equal(readRDS(own), V)

  # Posteriors by gene with the correlation of the gene.
  fit <- mash_fit(x, list(equal = matrix(1, 3, 3), own = diag(3)), "identity", verbose = FALSE,
    compute_posterior = FALSE, nullweight = 1)
  saveRDS(fit, file.path(folder, "fit.rds"))
  call <- c("posterior", "--analysis-units", genes, "--mash-model", file.path(folder, "fit.rds"))
  run_cli(call, "--vhat-data", own, "--output", file.path(folder, "post"))
  found <- readRDS(file.path(folder, "post", "g1.rds"))
  data <- mash_set_data(z[1:40, ], z[1:40, ] * 0 + 1, V = V[, , "g1"])
  expect_equal(found$lfsr, mash_posterior(fit, data)$lfsr, tolerance = 1e-10)
  each <- file.path(folder, c("V2.rds", "V1.rds"))
  saveRDS(V[, , "g2"], each[1])
  saveRDS(V[, , "g1"], each[2])
  run_cli(call, "--posterior-vhat-files", each, "--output", file.path(folder, "each"))
  expect_equal(readRDS(file.path(folder, "each", "g1.rds")), found)
  expect_match(run_cli(call, "--posterior-vhat-files", each, each)$said, "4 files, but 2")
  writeLines(c("g1", "h1"), genes)
  done <- run_cli("vhat_simple_specific", "--data", file, "--gene-list", genes, "--cwd", folder)
  expect_match(done$said, "no unit is of feature \"h1\"")
  expect_identical(run_cli("vhat_simple_specific", "--cwd", folder)$status, 2L)
})

test_that("scores by genotypes, of some conditions, by any name of the step", {
  folder <- withr::local_tempdir()
  set.seed(13)
  mean <- matrix(rnorm(12), 4, dimnames = list(paste0("chr1:", 1:4, ":A:G"), NULL))
  contrast <- as.data.frame(cbind(mean, abs(mean) / 4 + 0.1, mean^0 / 7, mean^0 / 9))
  names(contrast) <- paste0(
    rep(c("mean", "se", "p", "lfsr"), each = 3), "_contrast_",
    c("a_deviation", "b_deviation", "a_vs_b")
  )
  class(contrast) <- c("posterior_contrast", "data.frame")
  files <- file.path(folder, c("g1.rds", "g2.rds"))
  for (file in files) saveRDS(contrast, file)
  X <- matrix(rbinom(150 * 4, 2, 0.4), 150, dimnames = list(NULL, rownames(contrast)))
  X[, 3] <- X[, 1]
  table <- data.frame(id = seq_len(150), X, check.names = FALSE)
  write.table(table, file.path(folder, "X.tsv"), sep = "\t", row.names = FALSE, quote = FALSE)
  done <- run_cli("feature_score_meta", "--contrast", files, "--gene-ids", "A,B", "--conditions",
    "b", "--genotype", file.path(folder, "X.tsv"), "--region", "chr1:1-3", "--cor-threshold", "0.6",
    "--output", file.path(folder, "meta.csv"))
  expect_identical(done$status, 0L, info = done$said)
  plain <- as.data.frame(contrast)
  both <- structure(rbind(plain, plain), class = class(contrast))
  direct <- feature_score(both[c(1, 2, 5, 6), ], c("A", "A", "B", "B"), "meta", conditions = "b")
  scores <- utils::read.csv(file.path(folder, "meta.csv"))
  expect_equal(scores, direct, tolerance = 1e-10)
  fine <- file.path(folder, "fine.tsv")
  writeLines(c("variants\tcs_order\tpip", "chr1:2:A:G\t1\t0.9", "chr1:3:A:G\t1\t0.1"), fine)
  finemap <- c("mash_feature_score", "--method", "finemap", "--contrast", files[1])
  done <- run_cli(finemap, "--conditions", "a", "--fine-mapping", fine, "--output",
    file.path(folder, "fine.rds"))
  expect_identical(done$status, 0L, info = done$said)
  found <- readRDS(file.path(folder, "fine.rds"))
  expect_equal(found$score, abs(mean[[2, 3]]) / contrast$se_contrast_a_vs_b[2])
  expect_identical(run_cli(finemap)$status, 2L)
  run_cli("feature_score_merge", "--scores", file.path(folder, c("meta.csv", "fine.rds")), "--cwd",
    folder, "--output-prefix", "all")
  expect_equal(utils::read.csv(file.path(folder, "all.csv")), rbind(scores, found))
})

test_that("what is wrong with a file is said with its name, the entry and what to do", {
  folder <- withr::local_tempdir()
  x <- readRDS(extdata("mashr_input.rds"))
  at <- \(name) file.path(folder, paste0(name, ".rds"))
  put <- function(value, name) {
    saveRDS(value, at(name))
    at(name)
  }
  good <- extdata("mashr_input.rds")
  prior <- put(list(canonical = diag(8)), "prior")
  refused <- function(message, ...) {
    done <- run_cli(..., "--cwd", file.path(folder, "out"))
    expect_identical(done$status, 1L)
    expect_match(done$said, message)
    expect_length(list.files(file.path(folder, "out"), all.files = TRUE, no.. = TRUE), 0)
  }
  fit <- \(data, message) refused(message, "mash", "--data", data, "--prior-data", prior)
  fit(put(x[names(x) != "random.s"], "a"), "a.rds'\\) has `random.b` but not `random.s`: add it")
  fit(put(x[1:2], "b"), "b.rds'\\) has no `random` set .* which this step needs")
  turned <- x
  colnames(turned$random.b)[2] <- "other"
  fit(put(turned, "c"), "`--data\\$random.s` \\('.*c.rds'\\) does not go with .*\\(other\\)")
  bytes <- readBin(good, "raw", 5000)
  writeBin(bytes, at("d"))
  fit(at("d"), "d.rds' is not an RDS file, or is damaged .*: write it again")
  wrong <- x
  wrong$random.s[2, 3] <- -1
  fit(put(wrong, "e"), "`--data\\$random.s` \\('.*e.rds'\\) must be positive: it is -1 at row 2")
  few <- x
  for (what in c("null.b", "null.s", "null.z")) few[[what]] <- x[[what]][0, ]
  refused("f.rds'\\): not enough null rows .*set has 0, .*another method", "vhat_simple",
    "--data", put(few, "f"))
  try_prior <- function(value, message) {
    refused(message, "mash", "--data", good, "--prior-data", put(value, "g"))
  }
  try_prior(list(a = diag(5)), "`--prior-data` \\('.*g.rds'\\) has 5 conditions, but the data")
  try_prior(list(w = c(0.5, 0.5), loglik = 1:9), "covariance matrices.*but `w`, `loglik`")
  try_prior(1:3, "`--prior-data` \\('.*g.rds'\\) must be a prior")
  refused("`--vhat-data` \\('.*h.rds'\\) must be positive definite", "mash", "--data", good,
    "--prior-data", prior, "--vhat-data", put(matrix(2, 8, 8), "h"))
  blocked <- run_cli("pca", "--data", good, "--output", file.path(at("h"), "x.rds"))
  expect_match(blocked$said, "`--output`: cannot make the folder '.*': give another one")
})

test_that("mash_input: one table of all conditions", {
  folder <- withr::local_tempdir()
  files <- table_files(folder)
  long <- do.call(rbind, Map(\(file, condition) {
    data.frame(where = condition, utils::read.delim(file))
  }, files, names(files)))
  all <- file.path(folder, "all.tsv")
  utils::write.table(long, all, sep = "\t", row.names = FALSE, quote = FALSE)
  done <- run_cli("mash_input", "--tables", all, "--columns", "condition=where", "--cwd", folder)
  expect_identical(done$status, 0L, info = done$said)
  expect_equal(readRDS(file.path(folder, "mash.mash_input.rds")), mash_input(files))
})
