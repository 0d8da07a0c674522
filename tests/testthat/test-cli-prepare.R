# A region of fine-mappings as newer versions of the protocol's package write it: objects of classes
# that are not known here.
fine_mapping_object <- function(tables, variants = NULL) {
  where <- new.env()
  methods::setClass("FineMappingEntryHere",
    representation(variantIds = "character", topLoci = "data.frame"), where = where)
  methods::setClass("EntriesHere", representation(listData = "list"), where = where)
  methods::setClass("QtlFineMappingResultHere", representation(listData = "list"), where = where)
  entries <- lapply(tables, \(table) methods::new(
    methods::getClass("FineMappingEntryHere", where = where),
    variantIds = variants %||% table$variant_id, topLoci = table
  ))
  methods::new(
    methods::getClass("QtlFineMappingResultHere", where = where),
    listData = list(
      study = "s", context = names(tables), trait = rep("mash", length(tables)),
      entry = methods::new(methods::getClass("EntriesHere", where = where),
                           listData = unname(entries))
    )
  )
}

loci <- function(n, seed, peaks) {
  set.seed(seed)
  z <- rnorm(n)
  z[peaks] <- 7
  set <- rep("susie_0", n)
  set[peaks] <- paste0("susie_", seq_along(peaks))
  set[peaks + 1L] <- set[peaks]
  data.frame(
    variant_id = paste0("chr1:", 100 * seq_len(n), ":A:G"), marginal_beta = 0.1 * z,
    marginal_se = 0.1, marginal_z = z, pip = ifelse(seq_len(n) %in% peaks, 0.8, 0.1), cs_95 = set
  )
}

test_that("susie_to_mash: strong units are leads of credible sets, others of all variants", {
  folder <- withr::local_tempdir()
  a <- loci(30, 1, c(5, 12))
  b <- loci(30, 2, 20)
  saveRDS(fine_mapping_object(list(liver = a, lung = b)), file.path(folder, "r1.rds"))
  older <- list(region = list(
    liver = list(
      variant_names = b$variant_id, sumstats = list(betahat = b$marginal_beta,
                                                    sebetahat = b$marginal_se),
      susie_result_trimmed = list(pip = b$pip, sets = list(cs = list(L1 = c(20, 21))))
    )
  ))
  saveRDS(older, file.path(folder, "r2.rds"))
  meta <- file.path(folder, "meta.tsv")
  writeLines(c("region_id\tpath", "g1\tr1.rds", "g2\tr2.rds"), meta)
  call <- c("susie_to_mash", "--name", "toy", "--fine_mapping_meta", meta, "--finemapping_column",
            "path", "--cwd", folder, "--n_random", "8", "--n_null", "4",
            "--independent_variant_list", ".", "--exclude-condition", "")
  done <- run_cli(call)
  expect_identical(done$status, 0L, info = done$said)
  x <- readRDS(file.path(folder, "toy.mash_input.rds"))
  expect_setequal(rownames(x$strong.b), c(
    paste0("g1:", a$variant_id[c(5, 12)]), paste0("g1:", b$variant_id[20]),
    paste0("g2:", b$variant_id[20])
  ))
  expect_equal(x$strong.b[paste0("g1:", a$variant_id[5]), ],
    c(liver = a$marginal_beta[5], lung = b$marginal_beta[5]))
  expect_true(is.na(x$strong.b[paste0("g2:", b$variant_id[20]), "lung"]))
  expect_identical(nrow(x$random.b), 16L)
  expect_true(all(abs(x$null.z) < 2, na.rm = TRUE))
  # Regions of one size do not draw the same places.
  drawn <- rownames(x$random.b)
  place <- \(region) sub(".*chr1:([0-9]+):.*", "\\1", grep(region, drawn, value = TRUE))
  expect_false(setequal(place("g1"), place("g2")))

  list <- file.path(folder, "independent.tsv")
  writeLines(c("#CHROM\tPOS", paste0("chr1\t", 100 * 1:10)), list)
  run_cli(call, "--independent-variant-list", list, "--z-only", "--overwrite")
  x <- readRDS(file.path(folder, "toy.mash_input.rds"))
  expect_setequal(names(x), c("strong.z", "random.z", "null.z", "XtX"))
  expect_true(all(as.numeric(sub(".*chr1:([0-9]+):.*", "\\1", rownames(x$random.z))) <= 1000))
  # The steps of the prior take it.
  V <- suppressWarnings(run_cli("vhat_identity", "--data", file.path(folder, "toy.mash_input.rds"),
                                "--cwd", folder))
  expect_identical(V$status, 0L, info = V$said)
  expect_match(run_cli(call, "--finemapping_column", "no")$said, "has no column \"no\": it has")
  expect_match(run_cli(call, "--coverage", "0.7")$said, "has no column \"cs_70\"")
  saveRDS(fine_mapping_object(list(liver = a), c(a$variant_id, "x")), file.path(folder, "r1.rds"))
  expect_warning(run_cli(call, "--overwrite"), "30 of its 31 variants only.*may be its top ones")
  saveRDS(readRDS(extdata("mashr_input.rds")), file.path(folder, "r1.rds"))
  expect_match(run_cli(call)$said, "r1.rds' is a mash input: it must hold fine-mappings")
})

test_that("alleles of the list of independent variants may be the other way round", {
  units <- c("chr1:10:A:G", "chr1:20:T:C", "chr2:10:A:G", "rs5")
  expect_identical(matching_variants(units, c("1:10:G:A", "chr1_20_T_C")), units[1:2])
  expect_identical(matching_variants(units, c("1:10", "RS5")), units[c(1, 4)])
  expect_length(matching_variants(units, "chr1:10:A:C"), 0)
})

test_that("random_null_tensorqtl: rows of each gene, those that all conditions have", {
  folder <- withr::local_tempdir()
  set.seed(5)
  write <- function(name, table) {
    utils::write.table(table, file.path(folder, name), sep = "\t", row.names = FALSE, quote = FALSE)
  }
  tables <- lapply(1:2, \(k) data.frame(
    phenotype_id = rep(c("g1", "g2"), each = 40), variant_id = paste0("chr2:", 1:40, ":A:G"),
    tstat = rnorm(80), slope = 1
  ))
  tables[[1]]$tstat[7] <- 9
  write("a.2.tsv", tables[[1]])
  write("b.2.tsv", tables[[2]][-3, ])
  write("a.1.tsv", tables[[1]])
  for (k in c("a", "b")) writeLines(paste0(k, c(".1.tsv", ".2.tsv")[if (k == "a") 1:2 else 2]),
                                    file.path(folder, paste0(k, ".txt")))
  writeLines(c("#chr\tstart\tend\tgene_id", "chr2\t1\t100\tg1", "chr2\t1\t100\tg2"),
             file.path(folder, "regions.tsv"))
  call <- c("random_null_tensorqtl", "--name", "toy", "--region_file",
            file.path(folder, "regions.tsv"), "--sum_files", file.path(folder, c("a.txt", "b.txt")),
            "--cwd", folder, "--n_random", "100", "--n_null", "5")
  done <- run_cli(call, "--traits", "A", "B")
  expect_identical(done$status, 0L, info = done$said)
  x <- readRDS(file.path(folder, "toy.mash_input.rds"))
  expect_identical(rownames(x$strong.z), "g1:chr2:7:A:G")
  expect_identical(x$strong.z[1, "A"], 9)
  expect_identical(nrow(x$random.z), 79L)
  expect_false("g1:chr2:3:A:G" %in% rownames(x$random.z))
  expect_equal(x$random.z["g2:chr2:3:A:G", ],
    c(A = tables[[1]]$tstat[43], B = tables[[2]]$tstat[43]))
  expect_match(run_cli(call, "--traits", "A")$said, "list 2 tables of chr2.*there are 1 --traits")

  # The same by the scripts, of tables of one region.
  parts <- file.path(folder, c("p1.tsv", "p2.tsv"))
  for (k in 1:2) write(basename(parts[k]), tables[[k]][1:40, ])
  done <- run_cli("mash_sumstats_construct", "--tensorqtl-paths", parts, "--conditions", "A,B",
                  "--region", "chr2:1-100", "--output", file.path(folder, "g1.rds"))
  expect_identical(done$status, 0L, info = done$said)
  done <- run_cli("mash_preprocessing", "--objects", file.path(folder, "g1.rds"), "--region-ids",
                  "g1", "--n-random", "4", "--n-null", "4", "--exclude-condition", "", "--output",
                  file.path(folder, "in.rds"))
  expect_identical(done$status, 0L, info = done$said)
  expect_identical(rownames(readRDS(file.path(folder, "in.rds"))$strong.z), "g1:chr2:7:A:G")
  twice <- run_cli("mash_sumstats_construct", "--tensorqtl-paths", file.path(folder, "a.2.tsv"),
                   "--conditions", "A", "--output", file.path(folder, "x.rds"))
  expect_match(twice$said, "has \"chr2:1:A:G\" twice")
})
