package dev.culvert.cli;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.junit.AnalyzeClasses;
import com.tngtech.archunit.junit.ArchTest;
import com.tngtech.archunit.lang.ArchRule;

@AnalyzeClasses(packages = "dev.culvert.cli", importOptions = ImportOption.DoNotIncludeTests.class)
final class CliArchitectureTest {
  /** The tunnel is reached through its gateway, the values of its engines, and the kernel. */
  @ArchTest
  static final ArchRule reachesNoTunnelInternals =
      noClasses()
          .should()
          .dependOnClassesThat(
              resideInAPackage("dev.culvert.tunnel..")
                  .and(
                      not(
                          resideInAnyPackage(
                              "dev.culvert.tunnel.capture",
                              "dev.culvert.tunnel.gateway",
                              "dev.culvert.tunnel.noise",
                              "dev.culvert.tunnel.wireguard",
                              "dev.culvert.tunnel.engine",
                              "dev.culvert.tunnel.esp",
                              "dev.culvert.tunnel.esp.keying",
                              "dev.culvert.tunnel.esp.noise",
                              "dev.culvert.tunnel.kernel",
                              "dev.culvert.tunnel.runtime"))));

  /** Netlink is for one class; the rest is tested without a kernel. */
  @ArchTest
  static final ArchRule onlyTheDaemonTouchesTheKernel =
      noClasses()
          .that()
          .resideOutsideOfPackages("dev.culvert.cli.daemon", "dev.culvert.cli.lab")
          .should()
          .dependOnClassesThat()
          .resideInAPackage("dev.culvert.tunnel.kernel");

  @ArchTest
  static final ArchRule configurationOpensNoSockets =
      noClasses()
          .that()
          .resideInAPackage("dev.culvert.cli.config")
          .should()
          .dependOnClassesThat()
          .resideInAnyPackage(
              "dev.culvert.cli.daemon", "dev.culvert.cli.command", "java.nio.channels.spi");
}
