# Alleles of statistics and of LD.

# Statistics of a study, simulated from genotypes whose counted alleles are those of the panel.
allele_study <- function(seed = 1, p = 60) {
  set.seed(seed)
  pairs <- rbind(c("A", "G"), c("C", "T"), c("G", "T"), c("AT", "A"), c("A", "T"), c("C", "G"))
  pair <- pairs[rep(c(1:4, 1:6), length.out = p), ]
  panel <- data.frame(
    name = paste0("rs", seq_len(p)), chromosome = 1, position = 1000 * seq_len(p),
    effect_allele = pair[, 1], other_allele = pair[, 2], frequency = runif(p, 0.05, 0.35)
  )
  beta <- rnorm(p)
  list(panel = panel, table = data.frame(
    rsid = panel$name, chr = "chr1", pos = panel$position, effect_allele = pair[, 1],
    other_allele = pair[, 2], beta = beta, se = runif(p, 0.1, 0.2),
    eaf = panel$frequency + runif(p, -0.03, 0.03), n = 100 + seq_len(p)
  ), beta = beta)
}

swapped <- function(table, rows) {
  table[rows, c("effect_allele", "other_allele")] <-
    table[rows, c("other_allele", "effect_allele")]
  table$beta[rows] <- -table$beta[rows]
  table$eaf[rows] <- 1 - table$eaf[rows]
  table
}

turned <- function(table, rows) {
  for (allele in c("effect_allele", "other_allele")) {
    table[rows, allele] <- vapply(strsplit(chartr("ACGT", "TGCA", table[rows, allele]), ""), \(x) {
      paste(rev(x), collapse = "")
    }, "")
  }
  table
}

quietly <- function(...) suppressMessages(harmonise_alleles(...))

is_ambiguous <- function(panel) paste0(panel$effect_allele, panel$other_allele) %in% c("AT", "CG")

test_that("swapped alleles get their signs and frequencies back, in the order of the panel", {
  s <- allele_study()
  table <- swapped(s$table, 11:30)[sample(60), ]
  found <- quietly(table, s$panel)
  expect_identical(found$variant, s$panel$name)
  expect_identical(rownames(found), s$panel$name)
  expect_equal(found$beta, s$beta)
  expect_equal(found$z, s$beta / s$table$se)
  expect_equal(found$frequency, s$table$eaf)
  expect_equal(found$n, s$table$n)
  expect_identical(found$effect_allele, s$panel$effect_allele)
  expect_identical(found$change, rep(c("same", "swapped", "same"), c(10, 20, 30)))
  expect_identical(attr(found, "counts")[["swapped"]], 20)
  # z-scores alone change their signs as well.
  table$z <- table$beta / table$se
  only <- quietly(table[setdiff(names(table), c("beta", "se"))], s$panel)
  expect_equal(only$z, found$z)
  expect_null(only$beta)
})

test_that("a study on the other strand is turned, its ambiguous variants too", {
  s <- allele_study()
  table <- turned(swapped(s$table, 11:30), 1:60)
  found <- quietly(table, s$panel)
  expect_equal(found$beta, s$beta)
  expect_setequal(found$change, c("strand", "strand_swapped"))
  # Without frequencies the other variants tell the strand.
  expect_equal(quietly(table[names(table) != "eaf"], s$panel)$beta, s$beta)
})

test_that("of a study on both strands, frequencies decide what is ambiguous", {
  s <- allele_study()
  rows <- seq(1, 60, 2)
  table <- turned(swapped(s$table, 11:30), rows)
  unsure <- is_ambiguous(s$panel)
  expect_true(any(unsure[rows]) && any(unsure[-rows]))
  found <- quietly(table, s$panel)
  expect_equal(found$beta, s$beta)
  # Without them these variants are left out, and nothing else is.
  found <- quietly(table[names(table) != "eaf"], s$panel)
  expect_identical(found$variant, s$panel$name[!unsure])
  expect_equal(found$beta, s$beta[!unsure])
  expect_identical(attr(found, "counts")[["ambiguous_dropped"]], as.double(sum(unsure)))
  # Near one half they do not tell.
  s$panel$frequency[which(unsure)[1]] <- 0.45
  found <- quietly(table, s$panel)
  expect_identical(setdiff(s$panel$name, found$variant), s$panel$name[which(unsure)[1]])
  expect_identical(nrow(quietly(table, s$panel, maf_limit = 0.45)), 60L)
})

test_that("ambiguous variants are kept, dropped, or judged by frequency, as is asked", {
  s <- allele_study()
  unsure <- is_ambiguous(s$panel)
  table <- swapped(s$table, 11:30)
  expect_equal(quietly(table, s$panel, ambiguous = "keep")$beta, s$beta)
  expect_equal(quietly(table, s$panel, ambiguous = "frequency")$beta, s$beta)
  expect_identical(
    quietly(table, s$panel, ambiguous = "drop")$variant, s$panel$name[!unsure]
  )
  none <- table[names(table) != "eaf"]
  expect_identical(
    quietly(none, s$panel, ambiguous = "frequency")$variant, s$panel$name[!unsure]
  )
  # A frequency on the other side of one half contradicts the strand of all others.
  at <- which(unsure)[2]
  table$eaf[at] <- 1 - table$eaf[at]
  expect_identical(setdiff(s$panel$name, quietly(table, s$panel)$variant), s$panel$name[at])
})

test_that("what cannot be matched is left out and counted", {
  s <- allele_study()
  table <- s$table
  table$effect_allele[1] <- "C"
  table$se[2] <- 0
  table$beta[3] <- NA
  table$rsid[4] <- "rs999"
  table$pos[4] <- 1
  table <- rbind(table, table[5, ])
  expect_message(found <- harmonise_alleles(table, s$panel), "56 of 61 variants are kept")
  expect_identical(found$variant, s$panel$name[-(1:4)])
  counts <- attr(found, "counts")
  expect_identical(
    counts[c("statistics", "unusable", "unmatched", "other_alleles", "repeated", "kept")],
    c(statistics = 61, unusable = 2, unmatched = 1, other_alleles = 1, repeated = 1, kept = 56)
  )
  left_out <- c("unusable", "unmatched", "other_alleles", "ambiguous_dropped", "repeated")
  expect_identical(sum(counts[left_out]) + counts[["kept"]], counts[["statistics"]])
  expect_error(quietly(s$table[1, ], s$panel[2:3, ]), "no variant in common",
               class = "mnmash_error_names")
})

test_that("positions serve where names differ, and tell variants of one place by their alleles", {
  s <- allele_study()
  panel <- s$panel
  panel$name <- paste0("1:", panel$position, ":", panel$effect_allele, ":", panel$other_allele)
  extra <- panel[7, ]
  extra[c("effect_allele", "other_allele")] <- c("A", "C")
  extra$name <- "second"
  panel <- rbind(panel[1:6, ], extra, panel[7:60, ])
  table <- swapped(s$table, 11:30)
  found <- quietly(table, panel)
  expect_identical(found$variant, panel$name[panel$name != "second"])
  expect_equal(found$beta, s$beta)
  expect_error(quietly(table[names(table) != "pos"], panel, by = "position"), "positions",
               class = "mnmash_error_argument")
  # X has a number in PLINK.
  table$chr <- "chrX"
  panel$chromosome <- "23"
  expect_identical(nrow(quietly(table, panel)), 60L)
})

test_that("the other allele may be unknown", {
  s <- allele_study()
  table <- swapped(s$table, 11:30)
  table$other_allele <- NULL
  found <- quietly(table, s$panel, ambiguous = "drop")
  kept <- !is_ambiguous(s$panel) & nchar(s$panel$effect_allele) == 1
  expect_equal(found[s$panel$name[kept], "beta"], s$beta[kept])
})

test_that("files of PLINK are references, whose first allele is counted", {
  s <- allele_study()
  stem <- withr::local_tempfile()
  bim <- paste0(stem, ".bim")
  writeLines(with(s$panel, paste(1, name, 0, position, effect_allele, other_allele)), bim)
  found <- quietly(swapped(s$table, 1:30), bim)
  expect_equal(found$beta, s$beta)
  expect_equal(quietly(swapped(s$table, 1:30), stem)$beta, s$beta)
  pvar <- withr::local_tempfile(fileext = ".pvar")
  writeLines(c("##fileformat=VCFv4.2", "#CHROM\tPOS\tID\tREF\tALT", with(s$panel, paste(
    1, position, name, other_allele, effect_allele, sep = "\t"
  ))), pvar)
  expect_equal(quietly(swapped(s$table, 1:30), pvar)$beta, s$beta)
})

test_that("layouts of the field are read by their names", {
  s <- allele_study()
  t <- s$table
  ssf <- withr::local_tempfile(fileext = ".tsv.gz")
  write_results(data.frame(
    chromosome = 1, base_pair_location = t$pos, effect_allele = t$effect_allele,
    other_allele = t$other_allele, beta = t$beta, standard_error = t$se,
    effect_allele_frequency = t$eaf, p_value = 0.5, rsid = t$rsid, n = t$n
  ), ssf)
  found <- quietly(ssf, s$panel)
  expect_equal(found$beta, s$beta)
  expect_equal(found$n, t$n)
  expect_equal(quietly(ssf, s$panel, columns = "GWAS-SSF"), found)
  # Effects of MungeSumstats are of A2.
  munged <- data.frame(
    SNP = t$rsid, CHR = 1, BP = t$pos, A1 = t$other_allele, A2 = t$effect_allele, BETA = t$beta,
    SE = t$se, FRQ = t$eaf, N = t$n
  )
  expect_equal(quietly(munged, s$panel, columns = "MungeSumstats")$beta, s$beta)
  expect_message(plain <- harmonise_alleles(munged, s$panel, ambiguous = "keep"), "MungeSumstats")
  expect_equal(plain$beta, -s$beta)
  vcf <- withr::local_tempfile(fileext = ".vcf")
  values <- paste(t$beta, t$se, 3, t$eaf, t$n, sep = ":")
  values[7] <- paste(t$beta[7], t$se[7], ".", t$n[7], sep = ":")
  format <- rep("ES:SE:LP:AF:SS", 60)
  format[7] <- "ES:SE:AF:SS"
  writeLines(c("##fileformat=VCFv4.2", paste0(
    "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tstudy"
  ), paste(1, t$pos, t$rsid, t$other_allele, t$effect_allele, ".", "PASS", ".", format, values,
           sep = "\t")), vcf)
  found <- quietly(vcf, s$panel)
  expect_equal(found$beta, s$beta)
  expect_equal(found$n, t$n)
  expect_equal(found$frequency[-7], t$eaf[-7])
  expect_equal(quietly(vcf, s$panel, columns = "GWAS-VCF"), found)
  expect_error(quietly(munged, s$panel, columns = "GWAS"), "GWAS-SSF",
               class = "mnmash_error_argument")
})

test_that("the fit of harmonised statistics is that of the right ones", {
  s <- allele_study(2, p = 40)
  set.seed(3)
  X <- matrix(rbinom(500 * 40, 2, 0.3), 500, dimnames = list(NULL, s$panel$name))
  for (j in seq(2, 40, 2)) {
    copied <- sample(500, 450)
    X[copied, j] <- X[copied, j - 1]
  }
  y <- X[, 8] * 0.6 + rnorm(500)
  found <- univariate_sumstats(X, y)
  table <- s$table
  table$beta <- found$Bhat[, 1]
  table$se <- found$Shat[, 1]
  table <- turned(swapped(table, 8:20), 1:40)[sample(40), ]
  h <- quietly(table, s$panel)
  fit <- finemap(finemap_sumstats(
    Bhat = h$beta, Shat = h$se, LD = cor(X)[h$variant, h$variant], n = 500
  ), 1)
  right <- finemap(finemap_sumstats(Bhat = found$Bhat, Shat = found$Shat, LD = cor(X), n = 500), 1)
  expect_equal(pip(fit), pip(right))
  expect_equal(coef(fit), coef(right), ignore_attr = TRUE)
})

test_that("what is no table of associations is said", {
  s <- allele_study()
  expect_error(harmonise_alleles(s$table[-(4:5)], s$panel), "`effect_allele`",
               class = "mnmash_error_argument")
  expect_error(harmonise_alleles(s$table[names(s$table) != "beta"], s$panel), "`effect`",
               class = "mnmash_error_argument")
  expect_error(harmonise_alleles(s$table, s$panel[-5]), "`other_allele`",
               class = "mnmash_error_argument")
  expect_error(harmonise_alleles(s$table, 3), "`reference`", class = "mnmash_error_type")
  expect_error(harmonise_alleles(3, s$panel), "`statistics`", class = "mnmash_error_type")
  expect_error(harmonise_alleles(s$table, s$panel[c(1, 1:60), ]), "\"rs1\" is there twice",
               class = "mnmash_error_names")
  expect_error(harmonise_alleles(s$table, s$panel, columns = list(gene = 1)), "`columns`",
               class = "mnmash_error_argument")
})
