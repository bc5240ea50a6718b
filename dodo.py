"""The front door: which tasks there are, and how doit runs them. Wiring only."""

from tasks.addons.graph import task__networks, task_addon, task_addon_image
from tasks.benchmark.graph import task_benchmark
from tasks.cluster.graph import (
    task__before_nodes,
    task__clean,
    task__kind,
    task__kind_program,
    task__ready,
    task__registry_hosting,
    task_create_cluster,
    task_create_cluster_with_all,
    task_create_cluster_without_scenario,
    task_delete_cluster,
    task_kind_config,
    task_node,
    task_status,
)
from tasks.controller.graph import (
    task__controller_images,
    task__gpu_in_inventory,
    task__image_source,
    task__published_images,
    task_controller,
    task_controller_image,
    task_controller_source,
    task_function_image,
    task_gpu_return,
)
from tasks.dataflows.graph import (
    task__enough_functions,
    task__verifiable,
    task_dataflow,
    task_dataflow_status,
    task_delete_dataflow,
    task_send_video_tool,
)
from tasks.docker_engine.graph import task_engine
from tasks.doctor.graph import task__doctor, task_doctor
from tasks.engines.docker import settings as engine_settings
from tasks.gpu.graph import task_gpu_lease
from tasks.images.graph import (
    task__archive_source,
    task__gpu_image,
    task__program,
    task__runtime_image,
    task__source,
    task_image,
    task_images,
)
from tasks.nics.graph import (
    task__virtual_functions,
    task_nics,
    task_nics_restore,
    task_nics_status,
)
from tasks.overview.graph import task_overview
from tasks.parameter_table.graph import task_configure, task_parameters
from tasks.registry.graph import task__registry_image, task_registry, task_registry_ca
from tasks.runner import database, expectation, ownership
from tasks.runner.reporter import Reporter
from tasks.scenarios.graph import (
    task__asked_registry,
    task__early_lease,
    task__function_setup,
    task__in_source,
    task__loans,
    task__runnable,
    task_cpufunc_namespaces,
    task_new_pattern,
    task_post_setup,
    task_prepare_scenario,
    task_scenario,
    task_scenario_files,
)
from tasks.settings import parameters, paths
from tasks.target.graph import (
    task__offered,
    task__policies,
    task__target,
    task__target_tasks,
    task__workers,
    task_attach,
    task_detach,
    task_target_rbac,
)
from tasks.testing.graph import task_test

__all__ = [
    "DOIT_CONFIG",
    "task__archive_source",
    "task__asked_registry",
    "task__before_nodes",
    "task__clean",
    "task__controller_images",
    "task__doctor",
    "task__early_lease",
    "task__enough_functions",
    "task__function_setup",
    "task__gpu_image",
    "task__gpu_in_inventory",
    "task__image_source",
    "task__in_source",
    "task__kind",
    "task__kind_program",
    "task__loans",
    "task__networks",
    "task__offered",
    "task__policies",
    "task__program",
    "task__published_images",
    "task__ready",
    "task__registry_hosting",
    "task__registry_image",
    "task__runnable",
    "task__runtime_image",
    "task__source",
    "task__target",
    "task__target_tasks",
    "task__verifiable",
    "task__virtual_functions",
    "task__workers",
    "task_addon",
    "task_addon_image",
    "task_attach",
    "task_benchmark",
    "task_configure",
    "task_controller",
    "task_controller_image",
    "task_controller_source",
    "task_cpufunc_namespaces",
    "task_create_cluster",
    "task_create_cluster_with_all",
    "task_create_cluster_without_scenario",
    "task_dataflow",
    "task_dataflow_status",
    "task_delete_cluster",
    "task_delete_dataflow",
    "task_detach",
    "task_doctor",
    "task_engine",
    "task_function_image",
    "task_gpu_lease",
    "task_gpu_return",
    "task_image",
    "task_images",
    "task_kind_config",
    "task_new_pattern",
    "task_nics",
    "task_nics_restore",
    "task_nics_status",
    "task_node",
    "task_overview",
    "task_parameters",
    "task_post_setup",
    "task_prepare_scenario",
    "task_registry",
    "task_registry_ca",
    "task_scenario",
    "task_scenario_files",
    "task_send_video_tool",
    "task_status",
    "task_target_rbac",
    "task_test",
]

ownership.give_back_at_exit()
database.make_folder()
engine_settings.provide(parameters.current)

DOIT_CONFIG = {
    "backend": "openkasugai",
    "dep_file": str(paths.TASK_DATABASE),
    "default_tasks": ["overview"],
    "num_process": expectation.cores(),
    "par_type": "thread",
    "reporter": Reporter,
    "verbosity": 2,
}
