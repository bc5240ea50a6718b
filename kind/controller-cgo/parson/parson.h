/*
 * Stands in for the JSON parser parson where the controller's archive does not hold it (lib/JSON/parson): every call
 * fails, as it does for a file that is not there. Only devices with an FPGA ask for it.
 */
#ifndef OPENKASUGAI_PARSON_H
#define OPENKASUGAI_PARSON_H
#include <stddef.h>

typedef struct json_value_t JSON_Value;
typedef struct json_object_t JSON_Object;
typedef struct json_array_t JSON_Array;
typedef int JSON_Status;
typedef int JSON_Value_Type;

enum { JSONError = -1, JSONNumber = 3 };
enum { JSONSuccess = 0, JSONFailure = -1 };

#define NO_JSON(type, name, answer, ...) \
    static inline type name(__VA_ARGS__) { return answer; }

NO_JSON(JSON_Value *, json_parse_string_with_comments, NULL, const char *text)
NO_JSON(JSON_Value *, json_parse_file_with_comments, NULL, const char *file)
NO_JSON(JSON_Value *, json_value_init_object, NULL, void)
NO_JSON(JSON_Object *, json_value_get_object, NULL, const JSON_Value *value)
NO_JSON(JSON_Object *, json_object, NULL, const JSON_Value *value)
NO_JSON(JSON_Value_Type, json_value_get_type, JSONError, const JSON_Value *value)
NO_JSON(JSON_Value *, json_object_get_wrapping_value, NULL, const JSON_Object *object)
NO_JSON(JSON_Value *, json_object_get_value, NULL, const JSON_Object *object, const char *name)
NO_JSON(double, json_object_get_number, 0, const JSON_Object *object, const char *name)
NO_JSON(const char *, json_object_get_string, NULL, const JSON_Object *object, const char *name)
NO_JSON(JSON_Array *, json_object_get_array, NULL, const JSON_Object *object, const char *name)
NO_JSON(JSON_Object *, json_array_get_object, NULL, const JSON_Array *array, size_t index)
NO_JSON(JSON_Status, json_object_set_number, JSONFailure, JSON_Object *object, const char *name, double value)
NO_JSON(char *, json_serialize_to_string_pretty, NULL, const JSON_Value *value)
static inline void json_free_serialized_string(char *text) {}
static inline void json_value_free(JSON_Value *value) {}

#endif
