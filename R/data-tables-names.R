# What columns of tables are called.

# What a column may be called when the user does not say; first come, first served.
usual_columns <- list(
  unit = c(
    "unit", "hm_variant_id", "variant_id", "variant", "variants", "snp", "snp_id", "rsid", "marker",
    "markerid", "markername", "rsids", "rs", "id", "name"
  ),
  feature = c(
    "feature", "gene_id", "gene", "phenotype_id", "molecular_trait_id",
    "molecular_trait_object_id"
  ),
  effect = c(
    "effect", "hm_beta", "beta", "betas", "bhat", "slope", "logfc", "log2foldchange", "b", "es",
    "log_odds"
  ),
  odds_ratio = c("odds_ratio", "hm_odds_ratio", "or", "hazard_ratio"),
  se = c(
    "se", "slope_se", "sebeta", "beta_se", "se_beta", "standard_error", "stderr", "shat", "sbhat",
    "errors", "lfcse", "log(or)_se"
  ),
  log10_p = c(
    "log10_p", "log10p", "mlogp", "mlog10p", "mlog10_p", "nlog10p", "neglog10p", "neg_log10_p",
    "neg_log10_pval", "neg_log10_pvalue", "neg_log_10_p_value", "minus_log10_p", "-log10p",
    "-log10_p", "-log10(p)", "lp"
  ),
  p = c(
    "p", "pval_nominal", "pvalue", "p_value", "pval", "p-value", "p.value", "p_wald", "p_bolt_lmm",
    "pvalues"
  ),
  z = c("z", "zscore", "z_score", "z_stat", "ez"),
  t = c("t", "t-stat", "t_stat", "tstat", "stat"),
  test = "test",
  effect_allele = c("hm_effect_allele", "effect_allele", "a1", "alt", "allele1"),
  other_allele = c(
    "hm_other_allele", "other_allele", "a2", "omitted", "ref", "allele0", "allele2"
  )
)

# The same of what says where a variant is, and how often and in how many people it was seen.
place_columns <- list(
  chromosome = c(
    "chromosome", "hm_chrom", "chr", "chrom", "#chrom", "#chr", "chr_name", "chromosome_name"
  ),
  position = c(
    "position", "hm_pos", "pos", "bp", "base_pair_location", "genpos", "ps", "chr_position",
    "base_pair_position"
  ),
  frequency = c(
    "frequency", "hm_effect_allele_frequency", "effect_allele_frequency", "eaf", "frq", "freq",
    "af", "a1freq", "a1_freq", "alt_freqs", "alt_freq", "freq1", "af_allele2"
  ),
  n = c(
    "n", "n_samples", "neff", "n_eff", "obs_ct", "nmiss", "n_total", "sample_size", "samplesize",
    "totalsamplesize", "ss"
  )
)

# The same of what tells the conditions in a table of all.
long_columns <- list(
  condition = c(
    "condition", "context", "tissue", "tissue_id", "tissue_name", "cell_type", "celltype",
    "cell_type_name", "qtl_group"
  )
)

# Layouts whose names mean what they say only if one knows the layout: effects of MungeSumstats are
# of its second allele.
column_layouts <- list(
  `GWAS-SSF` = list(
    unit = c("variant_id", "rsid"), chromosome = "chromosome", position = "base_pair_location",
    effect_allele = "effect_allele", other_allele = "other_allele", effect = "beta",
    odds_ratio = c("odds_ratio", "hazard_ratio"), se = "standard_error", p = "p_value",
    log10_p = "neg_log_10_p_value", frequency = "effect_allele_frequency", n = "n"
  ),
  MungeSumstats = list(
    unit = "SNP", chromosome = "CHR", position = "BP", effect_allele = "A2", other_allele = "A1",
    effect = c("BETA", "LOG_ODDS"), odds_ratio = "OR", se = "SE", p = "P", z = "Z",
    frequency = "FRQ", n = "N"
  ),
  `GWAS-VCF` = list(
    unit = "ID", chromosome = "#CHROM", position = "POS", effect_allele = "ALT",
    other_allele = "REF", effect = "ES", se = "SE", log10_p = "LP", z = "EZ", frequency = "AF",
    n = "SS"
  )
)

# What the user says of columns: a list by roles, or the name of a layout.
check_columns <- function(columns, roles = names(usual_columns)) {
  if (is_file_name(columns) && is.null(names(columns))) {
    if (columns %in% names(column_layouts)) return(columns)
    stop_mnmash(
      "argument", "`columns` must be a list of columns by their roles, or one of \"",
      paste(names(column_layouts), collapse = "\", \""), "\", not \"", columns, "\""
    )
  }
  if (!is.null(columns) && !is.list(columns) && !is.atomic(columns)) {
    stop_mnmash("type", "`columns` must be a list, not ", class(columns)[1L])
  }
  columns <- as.list(columns)
  unknown <- setdiff(names(columns), roles)
  if (length(columns) && (is.null(names(columns)) || length(unknown))) {
    stop_mnmash(
      "argument", "`columns` must be named by ", paste(roles, collapse = ", "),
      if (length(unknown)) paste0("; it has \"", unknown[1L], "\"")
    )
  }
  columns
}

# The same as a list for a table of columns `names`: of a layout, those that it has.
columns_of <- function(columns, names) {
  if (!is.character(columns)) return(columns)
  found <- lapply(column_layouts[[columns]], \(usual) {
    at <- match(ascii_lower(usual), ascii_lower(names))
    names[at[!is.na(at)][1L]]
  })
  found[!is.na(found)]
}

# Which of the columns `names` has the role: the one that is given, or the first usual name.
column_place <- function(names, role, given, where) {
  if (is.null(given)) {
    at <- match(c(usual_columns, place_columns, long_columns)[[role]], ascii_lower(names))
    return(utils::head(at[!is.na(at)], 1L))
  }
  if (!is.numeric(given) && !is.character(given)) {
    stop_mnmash(
      "type", "`columns$", role, "` must be the name or the number of a column, not ",
      class(given)[1L]
    )
  }
  at <- if (is.numeric(given)) match(given, seq_along(names)) else match(given, names)
  if (length(given) != 1L || is.na(at)) {
    stop_mnmash(
      "argument", "`columns$", role, "`: ", where, " has no column ", paste(given, collapse = " ")
    )
  }
  at
}

pick_column <- function(table, role, given, where) {
  at <- column_place(names(table), role, given, where)
  if (length(at)) table[[at]]
}

# Columns that are read as text: names, whatever digits they have; alleles, a T being no TRUE;
# p-values, which may be too small for a number.
text_places <- function(names, columns, where) {
  columns <- columns_of(columns, names)
  roles <- c("unit", "feature", "effect_allele", "other_allele", "p", "test", "chromosome")
  places <- lapply(roles, \(role) column_place(names, role, columns[[role]], where))
  unique(c(unlist(places), which(ascii_lower(names) == "alt")))
}

lacks <- function(where, role, table) {
  stop_mnmash(
    "argument", where, " has no column for `", role, "`: say which in `columns`; it has ",
    paste(utils::head(names(table), 12L), collapse = ", ")
  )
}
