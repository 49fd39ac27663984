// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster.registrar;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.base.DescribedPredicate;
import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import dev.culvert.cluster.kube.KubeApi;
import java.time.Instant;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** Nodes are accepted or rejected without I/O, threads and clocks. */
class RegistrarArchitectureTest {
  private static final Set<Class<?>> DRIVERS =
      Set.of(
          ClusterWatch.class,
          LeaseKeeper.class,
          RangeDetection.class,
          RegistrarLoop.class,
          RegistrarRun.class,
          StatusWriter.class);

  @Test
  void onlyTheDriversKnowTheApiThreadsAndTheTime() {
    var classes =
        new ClassFileImporter()
            .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
            .importPackages("dev.culvert.cluster.registrar");
    noClasses()
        .that(DescribedPredicate.describe("decide", this::decides))
        .should()
        .dependOnClassesThat()
        .areAssignableTo(KubeApi.class)
        .orShould()
        .dependOnClassesThat()
        .areAssignableTo(Thread.class)
        .orShould()
        .callMethod(System.class, "nanoTime")
        .orShould()
        .callMethod(System.class, "currentTimeMillis")
        .orShould()
        .callMethod(Instant.class, "now")
        .check(classes);
  }

  private boolean decides(JavaClass type) {
    return DRIVERS.stream()
        .noneMatch(
            driver ->
                type.getName().equals(driver.getName())
                    || type.getName().startsWith(driver.getName() + "$"));
  }
}
