// SPDX-License-Identifier: Apache-2.0
package dev.culvert.cluster;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.Test;

/** Holds that all decisions about a cluster are made without I/O, a thread or a clock. */
class ClusterArchitectureTest {
  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .importPackages("dev.culvert.cluster");

  private static final String PURE =
      "dev\\.culvert\\.cluster\\."
          + "(Snapshots|Members|RuleReader|follow\\.(Follower|Beliefs|View|Step|FollowLimits))"
          + "(\\$.*)?";

  @Test
  void whatToBelieveIsDecidedWithoutIoThreadsOrAClock() {
    noClasses()
        .that()
        .haveNameMatching(PURE)
        .should()
        .callMethod(System.class, "nanoTime")
        .orShould()
        .callMethod(System.class, "currentTimeMillis")
        .orShould()
        .callMethod(java.time.Instant.class, "now")
        .orShould()
        .dependOnClassesThat()
        .areAssignableTo(Thread.class)
        .orShould()
        .dependOnClassesThat()
        .resideInAnyPackage(
            "java.nio.file..", "java.net..", "org.slf4j..", "dev.culvert.log..", "io.fabric8..")
        .check(CLASSES);
  }
}
