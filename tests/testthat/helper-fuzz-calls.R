# A small valid call of every exported function, whose arguments helper-fuzz.R spoils.

# A valid call of every function, as a list of arguments. Small: each takes some milliseconds.
fuzz_calls <- function() {
  withr::local_seed(1)
  conditions <- c("liver", "lung", "brain")
  sims <- simple_sims(nsamp = 6, ncond = 3, err_sd = 0.5)
  dimnames(sims$Bhat) <- dimnames(sims$Shat) <- list(paste0("unit", 1:24), conditions)
  z <- sims$Bhat / sims$Shat
  units <- rownames(z)
  # A covariance of conditions, or what else is square, with their names.
  square <- \(x, names) matrix(x, length(names), length(names), dimnames = list(names, names))
  V <- square(c(1, 0.2, 0.1, 0.2, 1, 0.3, 0.1, 0.3, 1), conditions)
  A <- matrix(c(1, -1, 0, 0, 1, -1), 2, byrow = TRUE, dimnames = list(c("c1", "c2"), conditions))
  named <- stats::setNames
  data <- mash_set_data(sims$Bhat, sims$Shat)
  Ulist <- lapply(cov_canonical(data), `dimnames<-`, list(conditions, conditions))
  m <- mash(data, Ulist, grid = c(0.5, 2), verbose = FALSE, output_lfdr = TRUE,
            posterior_samples = 5, n_threads = 1)
  prior <- as_prior(m)
  chunk <- function(i) {
    if (!isTRUE(i <= 2)) stop("from the caller's function")
    rows <- 12 * (i - 1) + 1:12
    list(Bhat = sims$Bhat[rows, ], Shat = sims$Shat[rows, ])
  }
  contrast <- posterior_contrast(m, data, n_threads = 1)
  samples <- paste0("s", 1:30)
  X <- matrix(rnorm(90), 30, dimnames = list(samples, paste0("rs", 1:3)))
  Y <- X[, 1] %o% c(1, 0.5) + rnorm(60)
  colnames(Y) <- c("a", "b")
  y <- Y[, 1]
  covariates <- matrix(cos(1:60), 30, dimnames = list(samples, c("age", "sex")))
  marginal <- univariate_sumstats(X, Y)
  LD <- cor(X)
  dosage <- matrix(rep_len(c(0, 1, 2, 1, 0, 0, 2), 20 * 24), 20, dimnames = list(NULL, rownames(z)))
  U <- list(shared = square(1, colnames(Y)), own = square(c(1, 0, 0, 1), colnames(Y)))
  V2 <- square(c(1, 0.2, 0.2, 1), colnames(Y))
  null2 <- list(null = 0 * V2)
  region <- finemap_data(X, Y)
  found <- suppressWarnings(finemap(region, U, L = 2, max_iter = 5, n_threads = 1))
  ash <- mr_ash(X, y, n_threads = 1)
  effects <- suppressWarnings(deconvolve(X, Y, max_iter = 5, n_threads = 1))
  input <- simulate_mash_input(20, 30, 30, 3, seed = 1)
  input_prior <- as_prior(list(U = unname(Ulist[1:3]) |> lapply(\(U) {
    `dimnames<-`(U, rep(list(colnames(input$random.b)), 2))
  }), w = rep(1 / 3, 3)))
  input_V <- square(c(1, 0.2, 0.1, 0.2, 1, 0.3, 0.1, 0.3, 1), colnames(input$random.b))
  named_like <- \(x, like) `dimnames<-`(x, dimnames(like))
  table <- function(shift) {
    data.frame(
      gene_id = rep(c("g1", "g2"), each = 20), variant_id = rep(paste0("v", 1:20), 2),
      slope = sin(1:40) + shift * (1:40 %in% c(7, 30)), slope_se = 0.5
    )
  }
  tables <- list(liver = table(4), lung = table(3)[-7, ])
  joined <- mash_input(tables)
  factored <- fqtl(Y, X, K = 1, max_iter = 3, n_threads = 1)
  factorized <- fqtl_factorize(Y, K = 1, max_iter = 3, n_threads = 1)
  regions <- lapply(c(gene1 = 1, gene2 = 2), \(i) list(X = X + i, y = y))
  genome <- list(gene1 = list(X = X, Y = Y))
  genes <- mnm_regions(c(genome, list(gene2 = list(X = -X, Y = Y))))
  of_genes <- mnm_regress(genes, U, max_iter = 20, n_threads = 1)
  loci <- data.frame(locus = rep(1:6, each = 5), z = rnorm(30, sd = 2))
  dosages <- cbind(matrix(rbinom(80, 2, 0.4), 20), 0:1)
  dimnames(dosages) <- list(paste0("s", 1:20), paste0("v", 1:5))
  genotypes <- tempfile("genotypes", fileext = ".tsv")
  writeLines(c("sample\tchr1:5_A_T\tchr1:9_A_C", "a\t0\t1", "b\t2\tNA"), genotypes)
  panel <- data.frame(variant = paste0("rs", 1:4), effect_allele = "A", other_allele = "G")
  gwas <- data.frame(
    chr = 1, pos = 10 * 1:4, variant = paste0("rs", 1:4), effect_allele = c("A", "G", "A", "A"),
    other_allele = c("G", "A", "G", "G"), beta = c(0.1, 0.2, -0.1, 0.3), se = 0.1
  )
  gwas_file <- tempfile("gwas", fileext = ".tsv")
  utils::write.table(gwas, gwas_file, sep = "\t", quote = FALSE, row.names = FALSE)
  ld_file <- tempfile("ld", fileext = ".ld")
  writeLines(c("1 0.5", "0.5 1"), ld_file)
  t1 <- list(n_threads = 1)
  list(
    add_ridge = list(Ulist, data, subset = 1:10, ridge = "relative", size = 5),
    as_mashr = list(m),
    as_mvsusie_prior = list(prior, w_thresh = 0),
    as_prior = list(m),
    as_susie = list(found, condition = "a", data = region),
    autoselect_grid = list(data, gridmult = 2),
    bind_mash_input = list(list(r1 = joined, r2 = joined)),
    bmass = c(list(z, n = 500, V = V, maf = named(rep(0.2, 24), units),
                   sigma_alpha = c(0.01, 0.1),
                   formula = "finite", weights = "prior", pi0 = 0.5, nullweight = NULL), t1),
    check_deconvolution = list(ash),
    contrast_matrix = list(3, ref = 1, name = conditions),
    cov_canonical = list(data, cov_methods = "identity"),
    cov_ed = c(list(data, Ulist[1:2], subset = 1:20, algorithm = "bovy", tol = 0.1, maxiter = 3,
                    w = 0, weight = named(rep(1, 20), units[1:20]),
                    pi_init = named(c(0.4, 0.6), names(Ulist)[1:2]), fixamp = FALSE,
                    fixcovar = FALSE, ridge = "relative"), t1),
    cov_flash = list(data, factors = "default", subset = 1:20, remove_singleton = FALSE,
                     sparse = TRUE, tag = "t", output_model = NULL, greedy_args = list(Kmax = 2),
                     backfit_args = list(maxiter = 3), noise = "column"),
    cov_mask = list(Ulist, data, thresholds = c(0.1, 0.3)),
    cov_pca = list(data, npc = 2, subset = 1:20, center = FALSE, scale = FALSE),
    cov_tree = list(data, subset = 1:20, rho = 0.5, smallest = 2),
    cov_udi = list(data, model = "DDU"),
    credible_sets = list(found),
    deconvolve = c(list(X, Y, Z = covariates, method = "mr.ash", init = "none", V = V2,
                        max_iter = 5), t1),
    deconvolve_rss = c(list(Bhat = marginal$Bhat, Shat = marginal$Shat, z = NULL, R = LD, n = 30,
                            cov_Y = cov(Y), V = NULL, init = "none", R_shrink = 0,
                            check_R = TRUE, LD_samples = 100, contradiction = "warn"), t1),
    each_region = list(list(g1 = 1:3, g2 = 4), f = \(x, ...) length(x), folder = NULL,
                       seed = 1),
    ed = c(list(sims$Bhat, noise = V / 4, U = Ulist[1:2],
                pi = named(c(0.4, 0.6), names(Ulist)[1:2]),
                means = matrix(1:6 / 6, 2, dimnames = list(names(Ulist)[1:2], conditions)),
                projection = NULL, row_weights = named(1 + 1:24 / 24, units),
                fixed_pi = FALSE, fixed_means = TRUE, fixed_U = FALSE, regularisation = 0.1,
                tol = 0.1, max_iter = 3, starts = 1), t1),
    enrich = c(list(loci, annotations = cbind(near = rep(0:1, 15)), method = "single",
                    penalty = 1, kappa = c(1, 4), start = c(-3, 0), conf_level = 0.9, tol = 0.1,
                    max_iter = 3, prior = NULL, update_weights = FALSE), t1),
    estimate_null_correlation_simple = list(data, z_thresh = 3, est_cor = TRUE, correct = FALSE),
    extreme_deconvolution = c(list(
      sims$Bhat, sims$Shat^2, xamp = named(c(0.4, 0.6), names(Ulist)[1:2]),
      xmean = matrix(1:6 / 6, 2, dimnames = list(names(Ulist)[1:2], conditions)),
      xcovar = Ulist[1:2], projection = NULL, weight = named(1 + 1:24 / 24, units), fixamp = FALSE,
      fixmean = TRUE, fixcovar = FALSE, tol = 0.1, maxiter = 3, w = 0, logfile = NULL,
      splitnmerge = 0, maxsnm = FALSE, likeonly = FALSE, logweight = FALSE
    ), t1),
    feature_correlation = list(z, feature = named(rep(c("g1", "g2"), 12), units),
                               features = c("g1", "g2"), method = "corshrink", z_thresh = 3,
                               rescale = TRUE),
    feature_score = list(contrast, named(rep(c("g1", "g2"), 12), rownames(contrast)),
                         method = "meta", meta_method = "DL",
                         absolute = TRUE, se_cutoff = 0.001, p_cutoff = 0.01, by = "p",
                         fine_mapping = NULL, conditions = conditions[1:2],
                         unit = rownames(contrast), genotype = dosage, region = NULL,
                         cor_threshold = 0.5, prune = "greedy"),
    finemap = c(list(region, U, L = 2, V = V2, prior_weights = named(1:3, colnames(X)),
                     scale = "optim",
                     estimate_V = "none", effect_model = "EZ", standardize = TRUE,
                     intercept = TRUE, min_log_bf = 0.1, coverage = 0.9, min_abs_corr = 0.5,
                     tol = 0.1, max_iter = 5, compat = NULL, contradiction = "warn",
                     start = found, refine = TRUE, background = "infinitesimal"), t1),
    finemap_data = list(X, Y),
    finemap_suffstat = list(crossprod(X), crossprod(X, Y), crossprod(Y), n = 30,
                            x_mean = named(1:3 / 9, colnames(X)),
                            y_mean = named(c(0, 0.1), colnames(Y))),
    finemap_sumstats = list(Z = marginal$Bhat / marginal$Shat, LD = LD, n = 30, Bhat = NULL,
                            Shat = NULL, check = TRUE, LD_samples = 100),
    fqtl = c(list(Y, X, K = 1, family = "gaussian", covariates = covariates[, "age", drop = FALSE],
                  var_covariates = covariates[, "sex", drop = FALSE], offset = NULL,
                  weights = NULL, cis = TRUE, nonneg = FALSE, prior = list(pi_u = 0.1),
                  u_prior = "spike_slab", direct_prior = "susie", L = 1,
                  size = NULL, nb_link = "log", nb_floor = 0, library_size = NULL,
                  variance_bounds = c(0.01, 1), n_seeds = 1, tol = 0.1, max_iter = 3), t1),
    fqtl_factorize = c(list(Y, K = 1, family = "gaussian", X = X, cis = TRUE, covariates = NULL,
                            var_covariates = NULL, offset = NULL, weights = NULL, nonneg = FALSE,
                            prior = list(), direct_prior = "susie", L = 1, size = NULL,
                            nb_link = "log", nb_floor = NULL,
                            library_size = NULL, variance_bounds = NULL, tol = 0.1,
                            max_iter = 3), t1),
    fqtl_impute = list(factorized, Y),
    fqtl_regression = c(list(Y, X, cis = TRUE, max_iter = 3), t1),
    genotype_blocks = list(3, \(columns) X[, columns, drop = FALSE], size = 2, impute = FALSE),
    get_estimated_pi = list(m, dimension = "cov"),
    get_fitted_g = list(m),
    get_lfdr = list(m),
    get_lfsr = list(m),
    get_log10bf = list(m),
    get_loglik = list(m),
    get_n_significant_conditions = list(m, thresh = 0.1, conditions = 1:2, sig_fn = get_lfsr),
    get_np = list(m),
    get_pairwise_sharing = list(m, factor = 0.5, lfsr_thresh = 0.5, FUN = abs),
    get_pairwise_sharing_from_samples = list(m, factor = 0.5, lfsr_thresh = 0.5, FUN = abs),
    get_pm = list(m),
    get_posterior_condition_wise_summary = list(data, m, contrast_matrix(3, 1, conditions)),
    get_pp = list(m),
    get_psd = list(m),
    get_samples = list(m),
    get_significant_results = list(m, thresh = 0.1, conditions = 1:2, sig_fn = get_lfsr),
    log_bayes_factors = list(found, data = region),
    ld_prune = list(dosages, threshold = 0.5, variants = colnames(dosages), method = "greedy"),
    learn_prior = c(list(data, strong = 1:20, blocks = named(rep(1:12, 2), units), V = V, K = 2,
                         lambda = 3, masks = 0.1, tree = TRUE, product = TRUE, z_thresh = 3,
                         nsim = 1, seed = 1, folds = 2), t1),
    harmonise_alleles = list(
      gwas, panel, columns = list(effect = "beta"), reference_columns = list(unit = "variant"),
      by = "name", ambiguous = "infer", maf_limit = 0.4
    ),
    lfsr = list(m),
    lfsr_calibration = list(m, B = named_like(sims$B, z), data = NULL, nsim = 1, bins = 5,
                            relearn = FALSE),
    mash = c(list(data, Ulist = Ulist, gridmult = 2, grid = c(0.5, 2), normalizeU = TRUE,
                  usepointmass = TRUE, g = NULL, fixg = FALSE, prior = "nullbiased",
                  nullweight = 10, optmethod = "convex", control = list(max_iter = 50),
                  verbose = FALSE, add.mem.profile = FALSE, algorithm.version = "Rcpp",
                  pi_thresh = 1e-10, A = A, posterior_samples = 2, seed = 1,
                  outputlevel = 2, output_lfdr = FALSE, product = FALSE, folds = NULL), t1),
    mash_1by1 = c(list(data, alpha = 0, mixcompdist = "normal"), t1),
    mash_compute_loglik = c(list(get_fitted_g(m), data, algorithm.version = "R"), t1),
    mash_compute_posterior_matrices = c(list(
      get_fitted_g(m), data, pi_thresh = 1e-10, algorithm.version = "R", A = A,
      output_posterior_cov = FALSE, posterior_samples = 2, seed = 1
    ), t1),
    mash_compute_vloglik = c(list(get_fitted_g(m), data, algorithm.version = "R"), t1),
    mash_cv = c(list(data, list(canonical = Ulist), folds = 2), t1),
    mash_estimate_corr_em = c(list(
      data, Ulist, init = V, max_iter = 2, tol = 1, est_cor = TRUE, track_fit = FALSE,
      prior = "uniform", details = TRUE, grid = c(0.5, 2)
    ), t1),
    mash_fit = c(list(input, input_prior, V = input_V, effect_model = "EE",
                      compute_posterior = TRUE,
                      output_level = 2, output_posterior_cov = FALSE, missing = "exact",
                      chunk_size = 100, cwd = NULL, output_prefix = "p", verbose = FALSE), t1),
    mash_fit_chunks = c(list(m, chunk, n_chunks = 2, V = V, prior = "nullbiased",
                             nullweight = 10, control = list(max_iter = 3), checkpoint = NULL), t1),
    mash_input = list(tables, columns = NULL, strong = NULL, strong_p = 0.01, n_random = 3,
                      n_null = 3, null_z = 2, min_observed = 0.2, independent = NULL,
                      mismatch = "error", seed = 1),
    mash_plot_meta = list(m, 1, xlab = "x", ylab = "y", file = NULL),
    mash_posterior = c(list(m, data, exclude = NULL, folder = NULL, n_chunks = 1, V = NULL,
                            read = readRDS, A = A, output_posterior_cov = FALSE,
                            pi_thresh = 1e-10, exclude_rule = "workflow"), t1),
    mash_set_data = list(sims$Bhat, sims$Shat, alpha = 0, df = Inf, pval = NULL, V = V,
                         zero_check_tol = 1e-10, zero_Bhat_Shat_reset = 0, zero_Shat_reset = 0,
                         missing = "exact"),
    mash_stream = c(list(m, chunk, n_chunks = 2, sink = \(i, posterior) NULL, V = V,
                         pi_thresh = 1e-10, A = A, output_posterior_cov = FALSE,
                         n_samples = 2, seed = 1), t1),
    mash_update_data = list(data, ref = 1, V = V),
    mash_z_check = list(m, data, threshold = c(2, 3), max_units = 10),
    mixture_prior = c(list(
      input, engine = "none", components = c("pca", "canonical"), effect_model = "EE",
      V = input_V, npc = 2, ed_tol = 0.1, max_iter = 3, seed = 1, canonical_in_ed = TRUE,
      keep_raw = TRUE, add_xtx = FALSE, remove_singleton = FALSE, ridge = "none",
      w_source = "mash", missing = "exact", component_files = NULL, n_unconstrained = 2,
      n_subset = 50, V_max_iter = 1, cwd = NULL, output_prefix = NULL, save_components = FALSE,
      verbose = FALSE, scale_only = NULL, ud_tol_lik = 0.1
    ), t1),
    mixture_weights = c(list(matrix(rnorm(40), 10, dimnames = list(LETTERS[1:10], letters[1:4])),
                             prior = "uniform", start = named(1:4 / 10, letters[1:4]),
                             row_weights = named(1:10, LETTERS[1:10]), tol = 1e-6, max_iter = 20,
                             method = "convex", nullweight = 10), t1),
    mnmash_cli = list(c("prior", "--help")),
    mnmash_install_cli = list(folder = tempfile("bin"), extras = NULL, overwrite = TRUE),
    mnm = c(list(genome, prior = U, rounds = 1, K = 2, lambda = 6, masks = 0.1, tree = FALSE,
                 restarts = TRUE, heat = 0.5, residual = "full", finemap = TRUE, L = 2,
                 coverage = 0.9, min_abs_corr = 0.4, effects = TRUE, tol = 0.1, max_passes = 2,
                 covariates = covariates), t1),
    mnm_covariances = c(list(of_genes, K = 2, lambda = 6, masks = 0.1, tree = FALSE), t1),
    mnm_regions = list(genome, covariates = covariates, keep = 1e6),
    mnm_regress = c(list(genome, prior = U, start = NULL, restarts = TRUE, heat = 0.5,
                         residual = "diagonal", posterior = TRUE, tol = 0.1, max_iter = 9), t1),
    mnm_weights = c(list(of_genes, method = "convex"), t1),
    mr_ash = c(list(X, y, Z = covariates, sa2 = c(0, 1), pi = c(0.5, 0.5), sigma2 = 1,
                    beta_init = named(1:3 / 3, colnames(X)), update_pi = TRUE, update_sigma2 = TRUE,
                    scaled_prior = TRUE, method = "convex", order = "consecutive",
                    standardize = FALSE, intercept = TRUE, prior = "uniform", nullweight = 10,
                    tol = 1e-3, max_iter = 50), t1),
    mr_ash_rss = c(list(
      Bhat = marginal$Bhat[, 1], Shat = marginal$Shat[, 1], z = NULL, R = LD, n = 30,
      var_y = var(y), sa2 = c(0, 1), pi = c(0.5, 0.5), sigma2 = 1,
      beta_init = named(1:3 / 3, colnames(X)), update_pi = TRUE, update_sigma2 = TRUE,
      scaled_prior = TRUE, method = "convex", order = "consecutive", standardize = FALSE,
      prior = "uniform", nullweight = 10, R_shrink = 0, check_R = TRUE, LD_samples = 100,
      contradiction = "warn", tol = 1e-3, max_iter = 50
    ), t1),
    mr_mash = c(list(
      X, Y, prior = NULL, S0 = c(null2, U), w0 = named(1:3 / 6, c("null", names(U))),
      grid = NULL, V = V2, residual = "full", rank = NULL, update_w0 = TRUE, update_V = TRUE,
      w0_method = "em", w0_penalty = 1, w0_threshold = 0, standardize = TRUE, intercept = TRUE,
      order = "consecutive",
      B_init = matrix(1:6 / 6, 3, dimnames = list(colnames(X), colnames(Y))),
      covariance = "diagonal", plugin = FALSE, tol = 0.1, tol_w0 = 0.1, max_iter = 5, e = 0
    ), t1),
    mr_mash_rss = c(list(
      Bhat = marginal$Bhat, Shat = marginal$Shat, Z = NULL, R = LD, n = 30, covY = cov(Y),
      prior = U, S0 = NULL, w0 = NULL, grid = c(0.5, 1), V = V2, residual = "full",
      rank = NULL, update_w0 = TRUE, update_V = TRUE, w0_method = "em", w0_penalty = 1,
      w0_threshold = 0, standardize = TRUE, order = "consecutive", B_init = NULL,
      covariance = "diagonal", plugin = FALSE, X_colmeans = named(1:3 / 9, colnames(X)),
      Y_colmeans = named(c(0, 0.1), colnames(Y)),
      R_shrink = 0, check_R = TRUE, LD_samples = 100, contradiction = "warn", tol = 0.1,
      tol_w0 = 0.1, max_iter = 5, e = 0
    ), t1),
    near_duplicates = list(m, similarity = 0.9),
    pip = list(found),
    plot_U = list(prior, file = NULL, max_comp = 2, to_cor = FALSE, threshold = 1e-6,
                  remove_label = FALSE, name = "n", ncol = 2, width = 4, height = 4, dpi = 50),
    pool_weights = list(regions, fit = mr_ash, sa2 = c(0, 1), pi = c(0.5, 0.5), prior = "uniform",
                        nullweight = 10, tol = 0.1, max_iter = 2),
    posterior_contrast = c(list(m, data, conditions = conditions,
                                groups = list(g = conditions[1:2]),
                                type = "deviation", exclude = NULL, folder = NULL, n_chunks = 1,
                                V = NULL, read = readRDS, pi_thresh = 1e-10,
                                exclude_rule = "workflow"), t1),
    posterior_functional = c(list(
      m, data, \(b) rowMeans(b[, 1, , drop = FALSE]), n_samples = 3, seed = 1, A = A,
      pi_thresh = 1e-10, block_size = 10
    ), t1),
    qc_sumstats = c(list(marginal$Bhat[, 1] / marginal$Shat[, 1], LD, n = 30, alpha = 0.1), t1),
    random_effects = list(named(1:5 / 5, letters[1:5]), named(5:1 / 3, letters[1:5]),
                          method = "DL"),
    read_genotypes = list(genotypes, variants = NULL, region = "chr1:1-20", impute = FALSE),
    read_ld = list(ld_file, names = paste0("rs", 1:2), variants = c("rs2", "rs1")),
    read_statistics = list(gwas_file, region = "1:1-30", columns = list(position = "pos")),
    read_mash_input = list(input, missing = "exact", sets = "strong"),
    residual_correlation = c(list(
      data, method = "simple", subset = NULL, z_thresh = 3, correct = FALSE, rescale = TRUE,
      nullweight = 10, Ulist = Ulist, init = V, n_subset = 50, max_iter = 2, tol = 1
    ), t1),
    signal_input = list(list(g1 = effects, g2 = effects), z_thresh = 1, n_random = 2, n_null = 2,
                        null_z = 3, seed = 1),
    set_sharing = c(list(found, factor = 0.4, coverage = 0.9, min_abs_corr = 0.2), t1),
    sim_contrast1 = list(nsamp = 4, ncond = 3, err_sd = 0.5),
    sim_contrast2 = list(nsamp = 4, ncond = 3, err_sd = 0.5),
    simple_sims = list(nsamp = 4, ncond = 3, err_sd = 0.5),
    simple_sims2 = list(nsamp = 4, err_sd = 0.5),
    simulate_mash_input = list(n_strong = 4, n_random = 5, n_null = 6, conditions = 3,
                               missing_share = 0.1, active_share = 0.3, seed = 1),
    simulate_mr_mash = list(n = 10, p = 4, p_causal = 2, r = 2, r_causal = list(1:2),
                            intercepts = 1, pve = 0.2, B_cor = 0.5, B_scale = 1, w = 1,
                            X_cor = 0.2, X_pattern = "equal", X_scale = 1, V_cor = 0.1, seed = 1),
    ud_cv = c(list(data, K = c(1, 2), penalty = "iw", folds = 2, seed = 1, refit = TRUE,
                   max_iter = 3, warmup = 1), t1),
    ud_fit = c(list(data, K = 1, Ulist = Ulist[1], n_rank1 = 1, U_low_rank = Ulist["equal_effects"],
                    U_scaled = Ulist[2], U_fixed = Ulist[3], w = NULL, subset = 1:20,
                    update = "gted", penalty = "iw", lambda = 1, estimate_V = FALSE, n_starts = 1,
                    warmup = 1, trial = 2, max_iter = 3, tol = 0.1, prune = 1e-6, seed = 1), t1),
    univariate_sumstats = list(X, Y, Z = covariates, standardize = FALSE),
    varbvs = c(list(X, Z = covariates, y = y, family = "gaussian", logodds = c(-2, -1),
                    sigma = NULL, sa = NULL, sa0 = 1, n0 = 10, grid_prior = c(1, 1),
                    order = "consecutive", tol = 0.1, max_iter = 10), t1),
    write_results = list(found, file = tempfile(fileext = ".tsv"), by = "set")
  )
}
