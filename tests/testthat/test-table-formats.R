# Tables as association programs write them: the columns and their order are those of each program's
# documentation, the numbers our own.

# z-scores of six variants, and the effects and standard errors that go with them.
six <- data.frame(
  id = paste0("rs", 1:6), beta = c(0.2, -0.4, 1.5, 0.05, -0.9, 0.3),
  se = c(0.1, 0.2, 0.15, 0.1, 0.3, 0.2)
)
log10_p <- function(z) -(pnorm(-abs(z), log.p = TRUE) + log(2)) / log(10)

table_file <- function(lines, ending = ".txt", env = parent.frame()) {
  withr::local_tempfile(fileext = ending, lines = lines, .local_envir = env)
}

effects <- function(file, ...) {
  input <- mash_input(c(a = file), n_random = 99, ...)
  data.frame(id = rownames(input$random.b), beta = input$random.b[, 1], se = input$random.s[, 1],
             row.names = NULL)
}

# With blanks to the width of each column, as PLINK 1 does.
wide <- function(x, before = " ") {
  text <- rbind(names(x), vapply(x, \(column) format(column, digits = 15), character(nrow(x))))
  apply(text, 1, \(cells) paste0(before, paste(formatC(trimws(cells), width = 12), collapse = " ")))
}

test_that("tables of REGENIE have one blank between columns and -log10(p)", {
  z <- six$beta / six$se
  table <- data.frame(
    CHROM = 1, GENPOS = 1:6, ID = six$id, ALLELE0 = "A", ALLELE1 = "C", A1FREQ = 0.2, N = 100,
    TEST = "ADD", BETA = six$beta, SE = six$se, CHISQ = z^2, LOG10P = log10_p(z), EXTRA = NA
  )
  lines <- apply(rbind(names(table), as.matrix(format(table, digits = 15))), 1, \(x) {
    paste(trimws(x), collapse = " ")
  })
  expect_equal(effects(table_file(lines)), six)
  expect_equal(effects(table_file(c("##MASK", "## and more", lines), ".regenie")), six)
  # Without the standard error it follows from -log10(p), also where p is no number.
  for (scale in c(1, 30, 1e3)) {
    table$BETA <- six$beta
    table$SE <- NULL
    table$LOG10P <- log10_p(scale * z)
    lines <- apply(rbind(names(table), as.matrix(format(table, digits = 17))), 1, \(x) {
      paste(trimws(x), collapse = " ")
    })
    expect_equal(effects(table_file(lines))$se, six$se / scale, tolerance = 1e-10)
  }
})

test_that("p-values below all numbers are read from text, and are not zero", {
  # -400 log 10 = log p: the z-score is the root of log(2 Phi(-z)), found here by bisection.
  root <- function(log_p) {
    f <- \(z) pnorm(-z, log.p = TRUE) + log(2) - log_p
    uniroot(f, c(0, 1e4), tol = 1e-12)$root
  }
  text <- c("1.0E-400", "3.5e-5000", "0.02", "2E-310", "1e-320", "NA")
  log_p <- c(-400, log10(3.5) - 5000, log10(0.02), log10(2) - 310, -320) * log(10)
  want <- c(abs(six$beta[1:5]) / vapply(log_p, root, 0), NA)
  lines <- c("MarkerID\tBETA\tp.value", paste(six$id, six$beta, text, sep = "\t"))
  plain <- table_file(lines)
  gz <- withr::local_tempfile(fileext = ".tsv.gz")
  writeLines(lines, connection <- gzfile(gz))
  close(connection)
  for (file in c(plain, gz)) {
    expect_equal(effects(file)$se, want[1:5], tolerance = 1e-10)
    expect_equal(effects(file, columns = list(p = 3))$se, want[1:5], tolerance = 1e-10)
  }
  frame <- data.frame(snp = six$id, beta = six$beta, p = text)
  input <- mash_input(list(a = frame, b = data.frame(six, check.names = FALSE)), n_random = 99)
  expect_equal(unname(input$random.s[, "a"]), want, tolerance = 1e-10)
  # A zero is still a zero, however it is written.
  for (zero in c("0", "0.0", "0e-5", "0.0E+00")) {
    frame$p[2] <- zero
    expect_error(
      mash_input(list(a = frame)), "in row 2 is 0.*`log10_p`", class = "mnmash_error_value"
    )
  }
  frame$p[2] <- "1e-400x"
  expect_error(mash_input(list(a = frame)), "the p in row 2 is no number", class = "mnmash_error")
})

test_that("-log10(p) has its signs, and goes before a p-value that was rounded", {
  z <- six$beta / six$se
  table <- data.frame(snp = six$id, beta = six$beta, pval = 0, mlogp = log10_p(z))
  expect_equal(unname(mash_input(list(a = table), n_random = 99)$random.s[, 1]), six$se)
  expect_error(
    mash_input(list(a = table), list(p = "pval")), "in row 1 is 0", class = "mnmash_error_value"
  )
  table$mlogp <- -table$mlogp
  expect_message(
    input <- mash_input(list(a = table), n_random = 99), "table `a`: `log10_p` is negative"
  )
  expect_equal(unname(input$random.s[, 1]), six$se)
  table$mlogp[3] <- 4
  expect_error(mash_input(list(a = table)), "in row 1 is 10\\^", class = "mnmash_error_value")
  table$mlogp <- Inf
  expect_error(mash_input(list(a = table)), "in row 1 is 10\\^-Inf", class = "mnmash_error_value")
  table$mlogp <- c(0, log10_p(z)[-1])
  expect_message(input <- mash_input(list(a = table), n_random = 99), "1 p-values are 1")
  expect_identical(rownames(input$random.b), six$id[-1])
})

test_that("tables of PLINK 1 have many blanks, the first allele, and a row for each covariate", {
  z <- six$beta / six$se
  rows <- data.frame(
    CHR = 1, SNP = rep(six$id, each = 3), BP = rep(1:6, each = 3), A1 = "T",
    TEST = c("ADD", "AGE", "SEX"), NMISS = 90, BETA = 9, STAT = 1, P = 0.5
  )
  add <- rows$TEST == "ADD"
  rows$BETA[add] <- six$beta
  rows$STAT[add] <- z
  file <- table_file(wide(rows), ".assoc.linear")
  expect_message(found <- effects(file), "table `a`: the 6 rows of the test ADD are used, of 18")
  expect_equal(found, six)
  # Alleles that are not known to be exchanged are not guessed; those of another table may tell.
  other <- data.frame(SNP = six$id, A1 = c(rep("T", 5), "G"), BETA = six$beta, SE = six$se)
  both <- function(other) suppressMessages(
    mash_input(c(list(a = utils::read.table(file, header = TRUE)), list(b = other)), n_random = 99)
  )
  expect_error(
    both(other), "\"rs6\" with alleles G, an earlier one with T", class = "mnmash_error_alleles"
  )
  other$A2 <- c(rep("G", 5), "T")
  input <- both(other)
  expect_equal(unname(input$random.b[, "a"]), six$beta)
  expect_equal(unname(input$random.b[, "b"]), six$beta * c(1, 1, 1, 1, 1, -1))
  # Odds ratios, with the standard error of their logarithm.
  logistic <- data.frame(SNP = six$id, A1 = "T", OR = exp(six$beta), SE = six$se, P = 0.5)
  expect_equal(effects(table_file(wide(logistic), ".assoc.logistic")), six)
  logistic <- data.frame(
    SNP = six$id, OR = exp(six$beta), P = 2 * pnorm(-abs(z))
  )
  expect_equal(effects(table_file(wide(logistic, "")))$se, six$se, tolerance = 1e-9)
})

test_that("PLINK 2 and SAIGE say which of their alleles the effect is of", {
  plink2 <- data.frame(
    `#CHROM` = 1, POS = 1:6, ID = six$id, REF = "A", ALT = "C", A1 = rep(c("A", "C"), 3),
    TEST = "ADD", OBS_CT = 50, BETA = six$beta, SE = six$se, T_STAT = six$beta / six$se, P = 0.1,
    check.names = FALSE
  )
  turned <- transform(plink2[-1], A1 = "C", BETA = BETA * c(-1, 1))
  lines <- c(paste(names(plink2), collapse = "\t"), do.call(paste, c(plink2, sep = "\t")))
  input <- mash_input(list(a = table_file(lines, ".glm.linear"), b = turned), n_random = 99)
  expect_equal(unname(input$random.b[, "b"]), six$beta)
  expect_equal(unname(input$random.b[, "a"]), six$beta)
  saige <- data.frame(
    MarkerID = six$id, Allele1 = "A", Allele2 = "C", AC_Allele2 = 10, AF_Allele2 = 0.1,
    BETA = six$beta, SE = six$se, Tstat = 5, var = 2, p.value = 0.1
  )
  input <- mash_input(list(a = transform(plink2[-1], A1 = "C"), b = saige), n_random = 99)
  expect_equal(input$random.b[, "b"], input$random.b[, "a"])
})

test_that("z-scores alone go with the alleles of their effects", {
  table <- data.frame(snp = six$id, z = six$beta / six$se, effect_allele = "T", other_allele = "C")
  found <- effects(table_file(c(
    paste(names(table), collapse = "\t"), do.call(paste, c(table, sep = "\t"))
  )))
  expect_equal(found, data.frame(id = six$id, beta = six$beta / six$se, se = 1))
})

test_that("the first line says what stands between columns", {
  rows <- data.frame(snp = six$id, beta = six$beta, se = six$se)
  for (between in c("\t", " ", "   ", ",")) {
    lines <- c(paste(names(rows), collapse = between), do.call(paste, c(rows, sep = between)))
    expect_equal(effects(table_file(lines)), six)
    gz <- withr::local_tempfile(fileext = ".txt.gz")
    writeLines(lines, connection <- gzfile(gz))
    close(connection)
    expect_equal(effects(gz), six)
  }
  expect_error(
    effects(table_file(chartr(",", ";", lines), ".csv")), "semicolons stand between its columns",
    class = "mnmash_error_file"
  )
  # Blanks within a cell are no separators where there are tabs.
  names(rows)[1] <- "variant id"
  lines <- c(paste(names(rows), collapse = "\t"), do.call(paste, c(rows, sep = "\t")))
  expect_equal(effects(table_file(lines), columns = list(unit = "variant id")), six)
  X <- matrix(c(0, 1, 2, 1), 2, dimnames = list(c("100000", "3000000000"), c("v1", "v2")))
  lines <- c("id v1 v2", "100000 0  2", "3000000000 1 1")
  expect_identical(read_genotypes(table_file(lines)), X)
})

test_that("whole numbers are one name, of 32 bits, 64 bits and doubles", {
  skip_if_not_installed("bit64")
  integer64 <- \(text) getExportedValue("bit64", "as.integer64")(text)
  text <- c(
    "1", "0", "100000", "4294967295", "4294967296", "9223372036854775807", "-1", "-4294967296",
    "-9223372036854775807", "123456789012345678"
  )
  expect_identical(name_text(integer64(text)), text)
  table <- \(id) data.frame(snp = id, beta = six$beta[1:3], se = six$se[1:3])
  ids <- c(1e5, 2e5, 3e9)
  input <- mash_input(list(
    double = table(ids), text = table(c("100000", "200000", "3000000000")),
    large = table(integer64(c("100000", "200000", "3000000000")))
  ), n_random = 99)
  expect_identical(dim(input$random.b), c(3L, 3L))
  expect_identical(anyNA(input$random.b), FALSE)
  # A file with one larger than 2^31, by either reader.
  lines <- c("snp\tbeta\tse", "100000\t1\t1", "9007199254740993\t2\t1")
  expect_identical(effects(table_file(lines))$id, c("100000", "9007199254740993"))
  data <- mash_set_data(data.frame(a = integer64(c("1", "-2")), b = c(1.5, 2)))
  expect_identical(unname(data$Bhat), cbind(c(1, -2), c(1.5, 2)))
})

# What is the same in all layouts of the tests below.
same_table <- data.frame(
  variant_id = paste0("v", 1:6), slope = c(0.5, -0.2, 0.1, 0.7, -0.9, 0.3), slope_se = 0.1
)
read_as <- function(table, ...) {
  mash_input(list(liver = table), ..., n_random = 10, n_null = 10)
}

test_that("a file whose first line has numbers has no names of columns: FastQTL", {
  z <- same_table$slope / 0.1
  fast <- data.frame("g", same_table$variant_id, 100 * 1:6, 2 * pnorm(-abs(z)), same_table$slope)
  file <- withr::local_tempfile(fileext = ".txt")
  write.table(fast, file, quote = FALSE, row.names = FALSE, col.names = FALSE)
  columns <- list(feature = 1, unit = 2, p = 4, effect = 5)
  x <- mash_input(c(liver = file), columns, n_random = 10)
  expect_setequal(rownames(x$random.b), paste0("g_v", 1:6))
  direct <- read_as(same_table)
  expect_equal(unname(x$random.s), unname(direct$random.s), tolerance = 1e-6)
  expect_error(mash_input(c(liver = file)), "has no column for `effect`.*V1, V2",
    class = "mnmash_error_argument")
})

test_that("results of limma and DESeq2: units are names of rows, in data frames and in files", {
  limma <- data.frame(
    logFC = same_table$slope, AveExpr = 1, t = same_table$slope / 0.1, P.Value = 0.5, B = -3,
    row.names = same_table$variant_id
  )
  direct <- read_as(same_table)
  expect_equal(read_as(limma)[1:9], direct[1:9])
  deseq <- data.frame(
    baseMean = 9, log2FoldChange = same_table$slope, lfcSE = 0.1, stat = 1, pvalue = 0.5,
    row.names = same_table$variant_id
  )
  expect_equal(read_as(deseq)[1:9], direct[1:9])
  file <- withr::local_tempfile(fileext = ".csv")
  write.csv(limma, file)
  expect_equal(read_as(file)[1:9], direct[1:9])
  tabs <- withr::local_tempfile(fileext = ".tsv")
  write.table(deseq, tabs, sep = "\t", quote = FALSE)
  expect_equal(read_as(tabs)[1:9], direct[1:9])
})

test_that("one table of all conditions is as a table for each", {
  second <- transform(same_table[c(6, 2, 4), ], slope = -slope)
  long <- rbind(
    data.frame(tissue = "liver", same_table), data.frame(tissue = "lung", second)
  )
  apart <- mash_input(list(liver = same_table, lung = second))
  expect_identical(mash_input(long)[1:9], apart[1:9])
  expect_identical(mash_input(setNames(long, c("where", names(same_table))),
                              list(condition = "where"))[1:9], apart[1:9])
  file <- withr::local_tempfile(fileext = ".tsv")
  write.table(long, file, sep = "\t", row.names = FALSE, quote = FALSE)
  expect_equal(mash_input(file)[1:9], apart[1:9])
  expect_error(mash_input(same_table), "or one table of all, with a column `condition`: it has",
    class = "mnmash_error_type")
  long$tissue[3] <- NA
  expect_error(mash_input(long), "no condition in row 3", class = "mnmash_error_missing")
})

test_that("values of a GWAS-VCF become columns, of one study", {
  z <- six$beta / six$se
  head <- c("#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", "study")
  values <- paste(six$beta, six$se, log10_p(z), 0.2, sep = ":")
  rows <- paste(1, 1:6, six$id, "A", "C", ".", "PASS", ".", "ES:SE:LP:AF", values, sep = "\t")
  lines <- c("##fileformat=VCFv4.2", paste(head, collapse = "\t"), rows)
  expect_equal(effects(table_file(lines, ".vcf")), six)
  expect_equal(effects(table_file(lines, ".vcf"), columns = "GWAS-VCF"), six)
  # Without a standard error, from -log10(p).
  rows <- paste(1, 1:6, six$id, "A", "C", ".", "PASS", ".", "LP:ES",
                paste(log10_p(z), six$beta, sep = ":"), sep = "\t")
  expect_equal(effects(table_file(c(lines[1:2], rows), ".vcf")), six, tolerance = 1e-10)
  two <- sub("study$", "one\ttwo", lines)
  two[-(1:2)] <- paste(two[-(1:2)], values, sep = "\t")
  expect_error(effects(table_file(two, ".vcf")), "2 studies \\(one, two\\)",
               class = "mnmash_error_argument")
})

test_that("effects of MungeSumstats are of its second allele, where it is named", {
  # Of two tables of the same study one is in that layout.
  plain <- data.frame(six, effect_allele = "C", other_allele = "A")
  munged <- data.frame(
    SNP = six$id, CHR = 1, BP = 1:6, A1 = "A", A2 = "C", BETA = six$beta, SE = six$se, P = 0.5
  )
  file <- write_results(munged, withr::local_tempfile(fileext = ".tsv"))
  expect_equal(effects(file, columns = "MungeSumstats"), six)
  found <- join_tables(lapply(
    list(a = list(plain, list()), b = list(munged, "MungeSumstats")),
    \(x) one_table(x[[1]], x[[2]], "table")
  ), "error")
  expect_equal(found$b[, "a"], found$b[, "b"])
  expect_error(mash_input(list(a = munged), columns = "munged"), "MungeSumstats",
               class = "mnmash_error_argument")
})

test_that("matrices of units by conditions are tables of all conditions", {
  set.seed(4)
  effect <- matrix(rnorm(60), 20, 3, dimnames = list(paste0("v", 1:20), c("a", "b", "c")))
  se <- abs(matrix(rnorm(60), 20, 3, dimnames = dimnames(effect))) + 0.1
  each <- lapply(c(a = "a", b = "b", c = "c"), \(k) {
    data.frame(unit = rownames(effect), effect = effect[, k], se = se[, k])
  })
  want <- mash_input(each)
  expect_identical(mash_input(list(effect = effect, se = se[20:1, c("c", "a", "b")])), want)
  expect_identical(mash_input(list(betas = effect, errors = se)), want)
  expect_error(mash_input(list(effect = effect, se = se[, -1])), "se", class = "mnmash_error")
  expect_error(mash_input(list(effect = effect, se = se[-1, ])), "v1", class = "mnmash_error")
  expect_error(mash_input(list(effect, se)), "names", class = "mnmash_error_names")
  skip_if(requireNamespace("SummarizedExperiment", quietly = TRUE))
  methods::setClass("SummarizedExperiment", representation(assays = "list"))
  on.exit(methods::removeClass("SummarizedExperiment"))
  x <- methods::new("SummarizedExperiment", assays = list())
  expect_error(mash_input(x), "SummarizedExperiment", class = "mnmash_error_package")
})
