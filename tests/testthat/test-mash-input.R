# Two features of five units in three conditions; each z has its own value.
input_tables <- function() {
  grid <- expand.grid(
    variant_id = paste0("v", 1:5), gene_id = c("g1", "g2"),
    stringsAsFactors = FALSE
  )
  table <- function(scale) {
    data.frame(
      grid[2:1],
      beta = scale * c(0.1, 0.3, 6, 0.2, -0.1, 0.4, 0.5, -0.2, 7, 0.3), se = rep(c(1, 0.5), 5)
    )
  }
  list(liver = table(1), lung = table(-0.5), brain = table(0.7))
}

test_that("units are matched by name, whatever their order; cells that a table lacks are missing", {
  tables <- input_tables()
  tables$lung <- tables$lung[c(10:5, 2:1), ]
  tables$brain$se[4] <- 0
  tables$brain$beta[5] <- NA
  input <- mash_input(tables, n_random = 99, n_null = 99)
  expect_identical(rownames(input$random.b), paste0(rep(c("g1", "g2"), each = 5), "_v", 1:5))
  expect_identical(colnames(input$random.b), c("liver", "lung", "brain"))
  whole <- input_tables()
  expect_equal(unname(input$random.b[, "liver"]), whole$liver$beta)
  lung <- whole$lung$beta
  lung[3:4] <- NA
  expect_equal(unname(input$random.b[, "lung"]), lung)
  expect_identical(which(is.na(input$random.s[, "brain"])), c(g1_v4 = 4L, g1_v5 = 5L))
  expect_equal(input$random.z, input$random.b / input$random.s)
  expect_equal(attr(input, "counts")[["unusable_cells"]], 2)
  # Null: below 2 in all conditions where it was measured.
  expect_setequal(rownames(input$null.b), setdiff(rownames(input$random.b), c("g1_v3", "g2_v4")))
})

test_that("strong units are the largest of each feature that pass; or those named", {
  input <- mash_input(input_tables())
  expect_identical(rownames(input$strong.b), c("g1_v3", "g2_v4"))
  expect_equal(input$strong.z["g2_v4", "liver"], 7)
  expect_equal(input$XtX, crossprod(input$strong.z) / 2)
  # |z| = 6 and 7: p-values 2.0e-9 and 2.6e-12.
  expect_identical(rownames(mash_input(input_tables(), strong_p = 1e-10)$strong.b), "g2_v4")
  none <- mash_input(input_tables(), strong_p = 1e-50)
  expect_identical(dim(none$strong.z), c(0L, 3L))
  named <- mash_input(input_tables(), strong = c("g2_v1", "g1_v2"))
  expect_identical(rownames(named$strong.b), c("g2_v1", "g1_v2"))
  expect_error(mash_input(input_tables(), strong = "g9_v1"), "\"g9_v1\"", class = "mnmash_error")
  # Without features every unit that passes is strong.
  tables <- lapply(input_tables(), \(x) data.frame(snp = paste0(x$gene_id, x$variant_id), x[3:4]))
  expect_identical(rownames(mash_input(tables)$strong.b), c("g1v3", "g2v4"))
})

test_that("random and null units: so many of each feature, from independent ones, by seed", {
  input <- mash_input(input_tables(), n_random = 3, n_null = 2)
  expect_identical(as.vector(table(substr(rownames(input$random.b), 1, 2))), c(3L, 3L))
  expect_identical(as.vector(table(substr(rownames(input$null.b), 1, 2))), c(2L, 2L))
  expect_identical(mash_input(input_tables(), n_random = 3, n_null = 2), input)
  again <- mash_input(input_tables(), n_random = 3, n_null = 2, seed = 4)
  expect_false(identical(again$random.b, input$random.b))
  few <- mash_input(input_tables(), independent = c("g1_v1", "g1_v3", "g2_v5"))
  expect_identical(rownames(few$random.b), c("g1_v1", "g1_v3", "g2_v5"))
  expect_identical(rownames(few$null.b), c("g1_v1", "g2_v5"))
  # All units of a feature have the same chance.
  drawn <- unlist(lapply(1:300, \(seed) {
    rownames(mash_input(input_tables(), n_random = 2, seed = seed)$random.b)
  }))
  expect_gt(chisq.test(table(drawn))$p.value, 1e-4)
  expect_length(table(drawn), 10)
})

test_that("standard errors come from p-values or z-scores where there are none", {
  tables <- input_tables()
  with_p <- lapply(tables, \(x) {
    x$pval_nominal <- 2 * pnorm(-abs(x$beta / x$se))
    x$se <- NULL
    x
  })
  expect_equal(mash_input(with_p)$random.s, mash_input(tables)$random.s)
  with_z <- lapply(tables, \(x) data.frame(x[1:2], z = x$beta / x$se))
  input <- mash_input(with_z)
  expect_equal(input$random.b, mash_input(tables)$random.z)
  expect_true(all(input$random.s == 1))
  # By the rule of mash_set_data(): 0 was rounded, and 1 says nothing.
  zero <- with_p
  zero$liver$pval_nominal[3] <- 0
  expect_error(
    mash_input(zero), "table `liver`: the p-value in row 3 is 0;.*give `se`",
    class = "mnmash_error_value"
  )
  # Nothing is computed from it where there is a standard error.
  expect_silent(mash_input(Map(\(x, p) cbind(x, pval_nominal = p), tables, 0)))
  one <- with_p
  one$liver$pval_nominal[3] <- 1
  expect_message(input <- mash_input(one, n_random = 9), "table `liver`: 1 p-values are 1")
  expect_true(is.na(input$random.b["g1_v3", "liver"]))
})

test_that("exchanged alleles change the sign, others are an error or missing", {
  tables <- lapply(input_tables(), \(x) cbind(x, a1 = "A", a2 = "G"))
  plain <- mash_input(tables, n_random = 9)
  turned <- tables
  turned$lung[c("a1", "a2")] <- data.frame(a1 = rep(c("g", "A"), 5), a2 = rep(c("A", "g"), 5))
  at <- seq(1, 9, by = 2)
  turned$lung$beta[at] <- -turned$lung$beta[at]
  found <- mash_input(turned, n_random = 9)
  expect_equal(found$random.b, plain$random.b)
  expect_equal(attr(found, "counts")[["flipped_cells"]], 5)
  turned$lung$a2[2] <- "C"
  expect_error(
    mash_input(turned), "`lung` has \"g1_v2\" with alleles A/C",
    class = "mnmash_error_alleles"
  )
  found <- mash_input(turned, n_random = 9, mismatch = "missing")
  expect_identical(found$random.b["g1_v2", "lung"], NA_real_)
  expect_equal(attr(found, "counts")[["mismatched_cells"]], 1)
})

test_that("units in few conditions are left out", {
  tables <- input_tables()
  tables$lung <- tables$lung[1:3, ]
  tables$brain <- tables$brain[1:4, ]
  some <- mash_input(tables, n_random = 9, min_observed = 0.6)
  expect_identical(rownames(some$random.b), paste0("g1_v", 1:4))
  expect_identical(attr(some, "counts")[["too_few_conditions"]], 6)
  expect_identical(nrow(mash_input(tables, n_random = 9, min_observed = 1)$random.b), 3L)
  tables$liver$variant_id <- paste0("x", 1:10)
  tables$lung$variant_id <- paste0("y", 1:3)
  expect_error(mash_input(tables, min_observed = 1), "`min_observed`", class = "mnmash_error")
})

test_that("files are read: tabs, commas, compressed; columns by name and number", {
  folder <- withr::local_tempdir()
  tables <- input_tables()
  files <- file.path(folder, c("liver.tsv", "lung.csv", "brain.tsv.gz"))
  write.table(tables$liver, files[1], sep = "\t", quote = FALSE, row.names = FALSE)
  write.csv(tables$lung, files[2], row.names = FALSE)
  connection <- gzfile(files[3], "w")
  write.table(tables$brain, connection, sep = "\t", quote = FALSE, row.names = FALSE)
  close(connection)
  names(files) <- names(tables)
  expect_equal(mash_input(files), mash_input(tables))
  odd <- lapply(tables, \(x) stats::setNames(x, c("one", "two", "three", "four")))
  columns <- list(feature = "one", unit = 2, effect = 3, se = "four")
  expect_equal(mash_input(odd, columns), mash_input(tables))
  # Compressed, which is R's own reader, the same.
  for (i in 1:2) {
    writeLines(readLines(files[i]), connection <- gzfile(paste0(files[i], ".gz")))
    close(connection)
    files[i] <- paste0(files[i], ".gz")
  }
  expect_equal(mash_input(files), mash_input(tables))
  expect_error(
    mash_input(c(liver = files[[1]], lung = sub("tsv", "parquet", files[[1]]))), "no file",
    class = "mnmash_error_file"
  )
})

# A function of the package replaced until the test ends.
local_function <- function(name, value, env = parent.frame()) {
  namespace <- asNamespace("mnmash")
  put <- function(f) {
    unlockBinding(name, namespace)
    assign(name, f, namespace)
    lockBinding(name, namespace)
  }
  before <- get(name, namespace)
  put(value)
  withr::defer(put(before), env)
}

test_that("parquet files are read by the package that is there, or an error names those", {
  tables <- input_tables()
  folder <- withr::local_tempdir()
  files <- file.path(folder, paste0(names(tables), c(".parquet", ".PARQUET", ".parquet")))
  for (i in seq_along(files)) saveRDS(tables[[i]], files[i])
  names(files) <- names(tables)
  # Readers in place of the packages': what they return, wherever they come from, is a table.
  asked <- character()
  local_function("reader_of", function(package, name) {
    asked <<- c(asked, paste0(package, "::", name))
    if (package == "nanoparquet") return(NULL)
    \(file) structure(readRDS(file), class = c("tbl_df", "tbl", "data.frame"))
  })
  expect_equal(mash_input(files), mash_input(tables))
  expect_identical(asked[1:2], c("nanoparquet::read_parquet", "arrow::read_parquet"))
  writeLines("broken", files[2])
  expect_error(
    mash_input(files), "table `lung`: cannot read '.*PARQUET'", class = "mnmash_error_file"
  )
  local_function("reader_of", function(package, name) NULL)
  expect_error(
    mash_input(files), "table `liver`: to read .* one of the packages nanoparquet and arrow must",
    class = "mnmash_error_package"
  )
})

test_that("parquet files are read by the installed package", {
  skip_if_not_installed("nanoparquet")
  tables <- input_tables()
  folder <- withr::local_tempdir()
  files <- file.path(folder, paste0(names(tables), ".parquet"))
  write <- getExportedValue("nanoparquet", "write_parquet")
  for (i in seq_along(files)) write(tables[[i]], files[i])
  names(files) <- names(tables)
  expect_equal(mash_input(files), mash_input(tables))
})

test_that("bad tables are named, with the place", {
  tables <- input_tables()
  spoil <- function(f) {
    tables$lung <- f(tables$lung)
    mash_input(tables)
  }
  expect_error(spoil(\(x) x[c(1:10, 4), ]), "table `lung` has \"g1_v4\" twice, in rows 4 and 11")
  expect_error(spoil(\(x) x[-2]), "`lung` has no column for `unit`", class = "mnmash_error")
  expect_error(spoil(\(x) x[-4]), "`lung` has no column for `se`")
  expect_error(spoil(\(x) x[-3]), "`lung` has no column for `effect`")
  no_gene <- \(x) data.frame(variant_id = paste0("u", 1:10), x[3:4])
  expect_error(spoil(no_gene), "`lung` has no feature, but `liver` has")
  no_number <- \(x) transform(x, beta = c("?", beta[-1]))
  expect_error(spoil(no_number), "`lung`: the effect in row 1.*\"\\?\"")
  expect_error(spoil(\(x) transform(x, variant_id = c(NA, variant_id[-1]))), "no unit in row 1")
  expect_error(
    mash_input(lapply(tables, cbind, a1 = "A"), list(effect_allele = "a1")),
    "no column for `other_allele`"
  )
  expect_error(spoil(\(x) 3), "table `lung` must be a data frame")
  expect_error(mash_input(unname(tables)), "conditions as names")
  expect_error(mash_input(tables$liver), "`tables` must be a list")
  expect_error(mash_input(tables, list(size = 1)), "`columns`.*\"size\"")
  expect_error(mash_input(tables, list(se = "nothing")), "`columns\\$se`: table `liver`")
  expect_error(mash_input(c(a = "/no/such/file.tsv")), "table `a`: there is no file")
  expect_error(mash_input(tables, independent = "x"), "`independent` names none")
  lines <- c("variant\tbeta\tse", "v1\t1", "v2\t1\t2")
  broken <- withr::local_tempfile(fileext = ".tsv.gz", lines = lines)
  expect_error(mash_input(c(a = broken)), "table `a`: cannot read")
})

test_that("inputs of regions are put together", {
  one <- simulate_mash_input(5, 6, 7, conditions = 3, seed = 1)
  two <- simulate_mash_input(2, 3, 4, conditions = c("Ast_A", "new"), seed = 2)
  both <- bind_mash_input(list(r1 = one, r2 = two))
  expect_identical(colnames(both$null.z), c(colnames(one$null.z), "new"))
  expect_equal(unname(both$random.b[1:6, 1:3]), unname(one$random.b))
  expect_identical(rownames(both$random.b)[7], "r2:gene00001_variant")
  expect_equal(unname(both$strong.s[6:7, "new"]), unname(two$strong.s[, "new"]))
  expect_true(all(is.na(both$strong.s[6:7, 2:3])))
  z <- both$strong.z
  z[is.na(z)] <- 0
  expect_equal(both$XtX, crossprod(z) / 7)
  expect_error(bind_mash_input(one), "list of inputs", class = "mnmash_error_type")
  expect_error(bind_mash_input(list(one, 3)), "inputs\\[\\[2\\]\\]")
})

test_that("the toy has the conditions, sets and errors that it promises", {
  input <- simulate_mash_input(40, 400, 300, seed = 5)
  expect_identical(dim(input$strong.b), c(40L, 34L))
  top <- \(z) apply(abs(z), 1, max, na.rm = TRUE)
  expect_gte(min(top(input$strong.z)), 4.892)
  expect_lt(max(top(input$null.z)), 2)
  expect_equal(input$random.z, input$random.b / input$random.s)
  expect_false(anyDuplicated(colnames(input$null.b)) > 0)
  # Errors of random units are standard normal with correlation V.
  truth <- attr(input, "truth")
  noise <- (input$random.b - truth$effects$random) / input$random.s
  expect_lt(max(abs(cor(noise) - truth$V)), 5 / sqrt(400))
  expect_equal(mean(noise^2), 1, tolerance = 0.1)
  expect_identical(simulate_mash_input(40, 400, 300, seed = 5), input)
  holes <- simulate_mash_input(10, 200, 10, conditions = 5, missing_share = 0.3, seed = 6)
  expect_equal(mean(is.na(holes$random.b)), 0.3 * 4 / 5, tolerance = 0.15)
  expect_error(simulate_mash_input(conditions = 35), "`conditions`", class = "mnmash_error")
})

test_that("whole numbers as identifiers agree whatever their storage", {
  table <- function(ids) data.frame(unit = ids, effect = sin(1:40), se = 0.5)
  ids <- seq(1e5, by = 1e5, length.out = 40)
  input <- mash_input(
    list(a = table(as.integer(ids)), b = table(ids), c = table(format(ids, scientific = FALSE,
      trim = TRUE))),
    n_random = 100
  )
  expect_identical(nrow(input$random.b), 40L)
  expect_false(anyNA(input$random.b))
  expect_true("100000" %in% rownames(input$random.b))
})

test_that("the order of tables does not change what is drawn", {
  table <- function(shift, rows) {
    data.frame(unit = paste0("v", rows), effect = sin(rows + shift), se = 0.5)
  }
  tables <- list(a = table(0, 1:90), b = table(2, c(50:100, 1:30)), c = table(5, 100:1))
  one <- mash_input(tables, strong_p = 0.2, n_random = 20, n_null = 15)
  other <- mash_input(tables[c(3, 1, 2)], strong_p = 0.2, n_random = 20, n_null = 15)
  for (what in names(one)) {
    rows <- if (what == "XtX") rownames(one$XtX) else rownames(one[[what]])
    expect_setequal(rownames(other[[what]]), rows)
    expect_equal(other[[what]][rows, c("a", "b", "c")], one[[what]], info = what)
  }
})

test_that("a table that cannot be read does not spoil the next one", {
  skip_if_not_installed("data.table")
  folder <- withr::local_tempdir()
  table <- data.frame(snp = paste0("rs", 1:50), beta = cos(1:50), se = 0.5)
  write <- function(lines, name) {
    writeLines(lines, file.path(folder, name))
    file.path(folder, name)
  }
  lines <- c("snp\tbeta\tse", do.call(paste, c(table, sep = "\t")))
  good <- write(lines, "good.tsv")
  semicolons <- write(gsub("\t", ";", sub("[.]", ",", lines)), "bad.csv")
  short <- write(append(lines, "rs1\t2", 20), "short.tsv")
  footer <- write(c(lines, "# end"), "footer.tsv")
  read <- function(file) suppressMessages(mash_input(c(a = file, b = file), n_random = 100))
  expect_identical(dim(read(good)$random.b), c(50L, 2L))
  for (bad in c(semicolons, short)) {
    expect_error(read(bad), class = "mnmash_error")
    expect_identical(dim(read(good)$random.b), c(50L, 2L))
  }
  # A harmless remark is passed on, and what was read is used.
  expect_message(mash_input(c(a = footer, b = footer), n_random = 100), "footer")
  expect_identical(dim(read(footer)$random.b), c(50L, 2L))
})

test_that("a file that cannot be read does not spoil the next one", {
  folder <- withr::local_tempdir()
  file <- \(name) file.path(folder, name)
  table <- data.frame(snp = paste0("rs", 1:50), beta = sin(1:50), se = 0.5)
  utils::write.table(table, file("good.tsv"), row.names = FALSE, sep = "\t", quote = FALSE)
  utils::write.csv2(table, file("bad.csv"), row.names = FALSE)
  writeLines(c("s\tv1\tv2", "a\t0"), file("short.tsv"))
  read <- \(name) mash_input(c(A = file(name), B = file(name)))$random.b
  right <- read("good.tsv")
  for (bad in c("bad.csv", "short.tsv")) {
    expect_error(suppressMessages(read(bad)), class = "mnmash_error")
    expect_identical(read("good.tsv"), right)
  }
})

test_that("tables of other programs are known by their columns", {
  b <- c(0.5, -1, 0.2)
  s <- c(0.1, 0.2, 0.3)
  p <- 2 * pnorm(-abs(b / s))
  units <- c("rs1", "rs2", "rs3")
  tables <- list(
    MatrixEQTL = data.frame(SNP = units, gene = "g", beta = b, `t-stat` = b / s, `p-value` = 0,
                            FDR = 1, check.names = FALSE),
    GEMMA = data.frame(chr = 1, rs = units, ps = 1:3, beta = b, se = s, p_wald = p),
    REGENIE = data.frame(CHROM = 1, ID = units, BETA = b, SE = s, LOG10P = -log10(p)),
    SAIGE = data.frame(CHR = 1, MarkerID = units, BETA = b, SE = s, `p.value` = p),
    DESeq2 = data.frame(unit = units, log2FoldChange = b, lfcSE = s, pvalue = p)
  )
  for (name in names(tables)) {
    found <- mash_input(list(A = tables[[name]], B = tables[[name]]), n_random = 3)
    rows <- if (name == "MatrixEQTL") paste0("g_", units) else units
    expect_equal(found$random.b[rows, "A"], b, ignore_attr = TRUE, info = name)
    expect_equal(found$random.s[rows, "A"], s, ignore_attr = TRUE, info = name)
  }
})
